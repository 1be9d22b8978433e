package dialtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
)

const (
	frameTime  = 20 * time.Millisecond
	frameBytes = 160 // 20 ms of G.711: one byte a sample, 8000 samples a second

	// endCopies is how often the end of a key is sent (RFC 4733, 2.5.1.4).
	endCopies = 3
	// volume of the keys in -dBm0, as telephones send it.
	volume = 10

	alawSilence = 0xD5
)

// Frame is one RTP packet of A-law audio as it came in.
type Frame struct {
	At        time.Time // read from the socket
	SSRC      uint32
	Seq       uint16
	Timestamp uint32 // 8000 Hz
	Marker    bool
	Payload   []byte // valid only until the function that was given the Frame returns
}

// sender is the way out of a call's RTP socket. Audio and keys share sequence
// numbers and clock, so everything goes through its lock.
type sender struct {
	conn   *net.UDPConn
	events uint8

	mu      sync.Mutex
	to      netip.AddrPort
	head    rtp.Header
	born    time.Time
	base    uint32    // RTP time at born
	pressed bool      // a key is being sent: no audio meanwhile
	freed   time.Time // the end of the last key
	last    uint32    // RTP time of the last key, so that two never share one
	quiet   [frameBytes]byte
	buf     [12 + frameBytes]byte
}

func newSender(conn *net.UDPConn) *sender {
	o := &sender{conn: conn, base: rand.Uint32(), born: time.Now()}
	o.head = rtp.Header{Version: 2, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32())}
	o.head.Marker = true // the first packet begins a talk spurt (RFC 3551, 4.1)
	for i := range o.quiet {
		o.quiet[i] = alawSilence
	}
	return o
}

// begin opens the way to the switch. A few packets at once let a switch that
// learns where its peer sends from (strictrtp) settle before the first key.
func (o *sender) begin(a answer) {
	o.mu.Lock()
	o.to, o.events = a.to, a.events
	o.mu.Unlock()
	for range 5 {
		o.silence()
	}
}

// now is the RTP clock, in whole frames. Called with the lock held.
func (o *sender) now() uint32 {
	return o.base + uint32(time.Since(o.born)/frameTime)*frameBytes
}

// silence sends one frame of silence, unless a key is being pressed.
func (o *sender) silence() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pressed || !o.to.IsValid() {
		return
	}
	o.head.PayloadType, o.head.Timestamp = typePCMA, o.now()
	_ = o.write(o.quiet[:]) // a packet that does not leave is a lost packet; RTP lives with those
}

// write sends one packet with the header as prepared. Called with the lock held.
func (o *sender) write(payload []byte) error {
	p := rtp.Packet{Header: o.head, Payload: payload}
	n, err := p.MarshalTo(o.buf[:])
	if err != nil {
		return fmt.Errorf("build an RTP packet: %w", err)
	}
	o.head.SequenceNumber++
	o.head.Marker = false
	if _, err := o.conn.WriteToUDPAddrPort(o.buf[:n], o.to); err != nil {
		return fmt.Errorf("send RTP: %w", err)
	}
	return nil
}

// key presses one key for length, rounded up to whole frames, pause after the one
// before at the earliest, and gives the time
// at which its end was handed to the socket: taken before that, because on a
// busy machine the answer can be here before we are told that the packet has left.
//
// All packets carry the time stamp of the key's begin and the duration so far;
// the first has the marker (RFC 4733, 2.5.1). The copies of the end leave
// together and not a frame apart: the switch acts on the first of them, and time
// is measured from here.
func (o *sender) key(ctx context.Context, event byte, length, pause time.Duration) (at time.Time, err error) {
	frames := max(int((length+frameTime-1)/frameTime), 2)
	if err := o.pause(ctx, pause); err != nil {
		return time.Time{}, err
	}
	if err := o.down(); err != nil {
		return time.Time{}, err
	}
	defer o.up()
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for i := 1; i <= frames; i++ {
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-tick.C:
		}
		at = time.Now()
		if err := o.event(event, i*frameBytes, i == 1, i == frames); err != nil {
			return time.Time{}, err
		}
	}
	return at, nil
}

// keyPause is the least time between two keys, as a mobile network leaves it when
// somebody types ahead (3GPP TS 23.014); telephones of the fixed network leave
// 40 ms at least (ITU-T Q.24).
const keyPause = 70 * time.Millisecond

// pause waits until the next key may go down: least after the one before.
func (o *sender) pause(ctx context.Context, least time.Duration) error {
	o.mu.Lock()
	wait := time.Until(o.freed.Add(least))
	o.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// peer is where our RTP goes; the zero AddrPort before the answer.
func (o *sender) peer() netip.AddrPort {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to
}

// down stops the audio and sets the time stamp that the whole key has.
func (o *sender) down() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.to.IsValid():
		return errors.New("the call is not answered")
	case o.events == 0:
		return errors.New("the switch accepted no telephone events (RFC 4733)")
	case o.pressed:
		return errors.New("another key is down")
	}
	o.pressed = true
	if t := o.now(); t != o.last {
		o.last = t
	} else {
		o.last = t + frameBytes
	}
	return nil
}

func (o *sender) up() {
	o.mu.Lock()
	o.pressed, o.freed = false, time.Now()
	o.mu.Unlock()
}

// event sends one packet of a key that has been down for duration samples; its
// end three times.
func (o *sender) event(event byte, duration int, first, last bool) error {
	payload := [4]byte{event, volume, byte(duration >> 8), byte(duration)}
	copies := 1
	if last {
		payload[1] |= 0x80 // the E bit
		copies = endCopies
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.head.PayloadType, o.head.Timestamp, o.head.Marker = o.events, o.last, first
	for range copies {
		if err := o.write(payload[:]); err != nil {
			return err
		}
	}
	return nil
}

// eventOf is the RFC 4733 event code of a key: 0-9, then *, #, A-D.
func eventOf(key byte) (byte, bool) {
	i := strings.IndexByte("0123456789*#ABCD", key)
	return byte(i), i >= 0
}

// receive reads a call's RTP until its socket is closed or its deadline comes.
// The switch's other packets pass by: RTCP of a neighbour port, and streams of
// an earlier call on a port that the system gave us again.
func receive(conn *net.UDPConn, peer func() netip.AddrPort, take func(Frame)) {
	var buf [1500]byte
	var ssrc uint32
	known := false
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf[:])
		if err != nil {
			return // closed, or past the deadline that ends a call
		}
		at := time.Now()
		var p rtp.Packet
		if n >= 2 && buf[1] >= 192 && buf[1] <= 223 { // RTCP (RFC 5761, 4)
			continue
		}
		if p.Unmarshal(buf[:n]) != nil || p.PayloadType != typePCMA || len(p.Payload) == 0 {
			continue
		}
		if known && p.SSRC != ssrc && from.Port() != peer().Port() {
			continue
		}
		ssrc, known = p.SSRC, true
		take(Frame{At: at, SSRC: p.SSRC, Seq: p.SequenceNumber, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
	}
}
