package dialtest

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
)

// packetLog is a socket's far end: everything that came, in order.
func packetLog(t *testing.T) (*sender, func() []rtp.Packet) {
	t.Helper()
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	near, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(); near.Close() })
	out := newSender(near)
	out.begin(answer{to: far.LocalAddr().(*net.UDPAddr).AddrPort(), events: 96})
	return out, func() []rtp.Packet {
		t.Helper()
		var got []rtp.Packet
		// On loopback what was sent is there: the deadline only ends the reading.
		if err := far.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for {
			buf := make([]byte, 1500)
			n, err := far.Read(buf)
			if err != nil {
				return got
			}
			var p rtp.Packet
			if err := p.Unmarshal(buf[:n]); err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
		}
	}
}

func TestAKeyIsOneEventAsRFC4733HasIt(t *testing.T) {
	out, packets := packetLog(t)
	before := time.Now()
	at, err := out.key(t.Context(), 11, 90*time.Millisecond, 0) // '#', rounded up to 100 ms
	if err != nil {
		t.Fatal(err)
	}
	if took := at.Sub(before); took < 100*time.Millisecond || took > 400*time.Millisecond {
		t.Errorf("a key of 100 ms took %v", took)
	}
	out.silence()
	got := packets()
	if len(got) != 5+4+endCopies+1 {
		t.Fatalf("%d packets", len(got))
	}
	for i, p := range got {
		if i > 0 && p.SequenceNumber != got[i-1].SequenceNumber+1 {
			t.Errorf("packet %d: sequence number %d after %d", i, p.SequenceNumber, got[i-1].SequenceNumber)
		}
		if p.SSRC != got[0].SSRC {
			t.Errorf("packet %d: another SSRC", i)
		}
	}
	if !got[0].Marker || got[0].PayloadType != typePCMA || len(got[0].Payload) != frameBytes {
		t.Errorf("first packet: %v", got[0])
	}
	for i, p := range got[5 : len(got)-1] {
		wantEnd, wantDuration := byte(0), uint16(i+1)*frameBytes
		if i >= 4 {
			wantEnd, wantDuration = 0x80, 5*frameBytes
		}
		if p.PayloadType != 96 || len(p.Payload) != 4 || p.Timestamp != got[5].Timestamp || p.Marker != (i == 0) {
			t.Errorf("event packet %d: %v", i, p)
			continue
		}
		if p.Payload[0] != 11 || p.Payload[1] != wantEnd|volume || uint16(p.Payload[2])<<8|uint16(p.Payload[3]) != wantDuration {
			t.Errorf("event packet %d: payload %x, want duration %d, end %x", i, p.Payload, wantDuration, wantEnd)
		}
	}
	if p := got[len(got)-1]; p.PayloadType != typePCMA || p.Marker || p.Timestamp <= got[5].Timestamp {
		t.Errorf("audio after the key: %v", p)
	}
}

func TestNoAudioWhileAKeyIsDownAndOneKeyAtATime(t *testing.T) {
	out, packets := packetLog(t)
	if err := out.down(); err != nil {
		t.Fatal(err)
	}
	first := out.last
	out.silence()
	if err := out.down(); err == nil {
		t.Error("a second key went down")
	}
	out.up()
	if err := out.down(); err != nil {
		t.Fatal(err)
	}
	if out.last == first {
		t.Error("two keys have the same time stamp, so they are one")
	}
	if got := packets(); len(got) != 5 {
		t.Errorf("%d packets, want only the 5 of the begin", len(got))
	}
}

func TestAKeyThatCannotBePressed(t *testing.T) {
	out, packets := packetLog(t)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := out.key(stopped, 1, time.Second, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	out.events = 0
	if _, err := out.key(t.Context(), 1, 0, 0); err == nil {
		t.Error("a switch without telephone events got a key")
	}
	if _, err := newSender(out.conn).key(t.Context(), 1, 0, 0); err == nil {
		t.Error("a call that is not answered got a key")
	}
	if got := packets(); len(got) != 5 {
		t.Errorf("%d packets, want only the 5 of the begin", len(got))
	}
}

func TestKeysHaveTheirEventCodes(t *testing.T) {
	for i, key := range []byte("0123456789*#ABCD") {
		if e, ok := eventOf(key); !ok || e != byte(i) {
			t.Errorf("key %c: event %d, %v", key, e, ok)
		}
	}
	if _, ok := eventOf('x'); ok {
		t.Error("key x has an event")
	}
}

// A fake clock proves that time stamps follow time and not the packets sent.
func TestTimeStampsFollowTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSender(nil)
		before := o.now()
		time.Sleep(1010 * time.Millisecond)
		if got := o.now() - before; got != 8000 {
			t.Errorf("after 1010 ms the clock says %d samples, want whole frames: 8000", got)
		}
	})
}

func TestParseAnswer(t *testing.T) {
	const good = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=Asterisk\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n" +
		"m=audio 29046 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
	for name, c := range map[string]struct {
		sdp, to string
		events  uint8
		fails   bool
	}{
		"Asterisk":                     {good, "10.0.0.1:29046", 101, false},
		"own address for the audio":    {good + "c=IN IP4 10.0.0.2\r\n", "10.0.0.2:29046", 101, false},
		"video beside it":              {good + "m=video 3 RTP/AVP 99\r\nc=IN IP4 10.0.0.3\r\na=rtpmap:99 H264/90000\r\n", "10.0.0.1:29046", 101, false},
		"no events":                    {"c=IN IP4 10.0.0.1\nm=audio 2 RTP/AVP 8\n", "10.0.0.1:2", 0, false},
		"another number for events":    {"c=IN IP4 10.0.0.1\nm=audio 2 RTP/AVP 8 96\na=rtpmap:96 Telephone-Event/8000\n", "10.0.0.1:2", 96, false},
		"another codec":                {"c=IN IP4 10.0.0.1\nm=audio 2 RTP/AVP 0\n", "", 0, true},
		"audio refused":                {"c=IN IP4 10.0.0.1\nm=audio 0 RTP/AVP 8\n", "", 0, true},
		"no address":                   {"m=audio 2 RTP/AVP 8\n", "", 0, true},
		"a name instead of an address": {"c=IN IP4 pbx.example\nm=audio 2 RTP/AVP 8\n", "", 0, true},
		"nothing":                      {"", "", 0, true},
	} {
		a, err := parseAnswer([]byte(c.sdp))
		if (err != nil) != c.fails || (err == nil && (a.to.String() != c.to || a.events != c.events)) {
			t.Errorf("%s: %v, %d, %v", name, a.to, a.events, err)
		}
	}
}
