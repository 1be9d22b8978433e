package dialtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"
)

// callee is the other end of a call in this process, for what a real switch
// cannot be made to do: not answer, answer badly, hang up at a certain moment.
type callee struct {
	t      *testing.T
	addr   string
	rtp    *net.UDPConn
	invite chan *sip.Request
	acked  chan struct{}
	bye    chan struct{}
	cancel chan struct{}
	calls  chan *sipgo.DialogServerSession
}

// startCallee answers as the number dialled says.
func startCallee(t *testing.T) *callee {
	t.Helper()
	c := &callee{t: t, invite: make(chan *sip.Request, 9), acked: make(chan struct{}, 9),
		bye: make(chan struct{}, 9), cancel: make(chan struct{}, 9), calls: make(chan *sipgo.DialogServerSession, 9)}
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	sock := listen()
	c.rtp = listen()
	c.addr = sock.LocalAddr().String()
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientAddr(c.addr), sipgo.WithClientConnectionAddr(c.addr))
	if err != nil {
		t.Fatal(err)
	}
	server, err := sipgo.NewServer(ua)
	if err != nil {
		t.Fatal(err)
	}
	local := sock.LocalAddr().(*net.UDPAddr)
	dialogs := sipgo.NewDialogServerCache(client, sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: local.Port}})
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) { c.onInvite(dialogs, req, tx) })
	server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = dialogs.ReadAck(req, tx) // the ACK of a refusal belongs to no dialog
		c.acked <- struct{}{}
	})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		if err := dialogs.ReadBye(req, tx); err != nil {
			t.Errorf("BYE: %v", err)
		}
		c.bye <- struct{}{}
	})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.TransportLayer().ServeUDP(sock) }) // ends with the socket
	t.Cleanup(func() { sock.Close(); ua.Close(); c.rtp.Close(); serving.Wait() })
	return c
}

func (c *callee) onInvite(dialogs *sipgo.DialogServerCache, req *sip.Request, tx sip.ServerTransaction) {
	c.invite <- req
	tx.OnCancel(func(*sip.Request) { c.cancel <- struct{}{} })
	s, err := dialogs.ReadInvite(req, tx)
	if err != nil {
		c.t.Errorf("INVITE: %v", err)
		return
	}
	sdp := fmt.Appendf(nil, "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %d RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", c.rtp.LocalAddr().(*net.UDPAddr).Port)
	switch req.Recipient.User {
	case "486":
		if err := s.Respond(486, "Busy Here", nil); err != nil {
			c.t.Error(err)
		}
	case "ringing":
		if err := s.Respond(180, "Ringing", nil); err != nil {
			c.t.Error(err)
		}
		<-tx.Done() // until the caller cancels
	case "ulaw":
		c.answer(s, []byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4 RTP/AVP 0\r\n"))
	default:
		c.answer(s, sdp)
	}
}

// answer returns when the ACK is there. sipgo calls an ACK missing when a BYE is
// close behind it, so its error says nothing here: the tests wait for the ACK.
func (c *callee) answer(s *sipgo.DialogServerSession, sdp []byte) {
	if s.RespondSDP(sdp) == nil {
		c.calls <- s
	}
}

func (c *callee) caller(opt Options) *Caller {
	opt.Addr = c.addr
	caller, err := New(opt)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := caller.Close(); err != nil {
			c.t.Errorf("close the caller: %v", err)
		}
	})
	return caller
}

func receiveFrom[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-testContext(t).Done():
		t.Fatalf("no %s", what)
	}
	return v
}

func TestInviteCarriesCallerAndMark(t *testing.T) {
	c := startCallee(t)
	s, err := c.caller(Options{Token: "secret", Audio: testAudio()}).Dial(testContext(t), Call{From: number(t, "+8613800000001"), To: "10086", App: "other"})
	if err != nil {
		t.Fatal(err)
	}
	req := receiveFrom(t, c.invite, "INVITE")
	if got := req.From().Address.User; got != "8613800000001" {
		t.Errorf("From %q", got)
	}
	for name, want := range map[string]string{TestHeader: "secret", CallIDHeader: s.CallID(), "X-App": "other"} {
		if h := req.GetHeader(name); h == nil || h.Value() != want || want == "" {
			t.Errorf("%s: %v, want %q", name, h, want)
		}
	}
	receiveFrom(t, c.acked, "ACK")
	if err := s.Hangup(testContext(t)); err != nil || s.EndedBy() != "caller" {
		t.Errorf("%v, ended by %q", err, s.EndedBy())
	}
	receiveFrom(t, c.bye, "BYE")

	plain, err := c.caller(Options{}).Dial(testContext(t), Call{From: number(t, "13800000001"), To: "10086"})
	if err != nil {
		t.Fatal(err)
	}
	req = receiveFrom(t, c.invite, "INVITE")
	if req.GetHeader(TestHeader) != nil || req.GetHeader(CallIDHeader) != nil || plain.CallID() != "" {
		t.Errorf("an ordinary call is marked: %s", req)
	}
	// Close hangs up what is up: see caller's cleanup.
}

func TestTheSwitchHangsUp(t *testing.T) {
	c := startCallee(t)
	s, err := c.caller(Options{}).Dial(testContext(t), Call{From: number(t, "13800000001"), To: "10086"})
	if err != nil {
		t.Fatal(err)
	}
	if err := receiveFrom(t, c.calls, "call").Bye(testContext(t)); err != nil {
		t.Fatal(err)
	}
	receiveFrom(t, s.Ended(), "end")
	if s.EndedBy() != "switch" {
		t.Errorf("ended by %q", s.EndedBy())
	}
	if err := s.Await(testContext(t), func([]Heard) bool { return false }); !errors.Is(err, ErrEnded) {
		t.Errorf("wait in a call that has ended: %v", err)
	}
	if _, err := s.Walk(testContext(t), Walk{Keys: Each("1")}); !errors.Is(err, ErrEnded) {
		t.Errorf("walk in a call that has ended: %v", err)
	}
}

func TestCallsThatAreNotAnswered(t *testing.T) {
	c := startCallee(t)
	caller := c.caller(Options{})
	from := number(t, "13800000001")
	var refused *RefusedError
	if _, err := caller.Dial(testContext(t), Call{From: from, To: "486"}); !errors.As(err, &refused) || refused.Code != 486 {
		t.Errorf("busy: %v", err)
	}
	if _, err := caller.Dial(testContext(t), Call{From: from, To: "ulaw"}); !errors.Is(err, errNoPCMA) {
		t.Errorf("another codec: %v", err)
	}
	receiveFrom(t, c.bye, "BYE to a call of no use")

	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		for range 3 { // the INVITEs of this test
			<-c.invite
		}
		cancel()
	}()
	if _, err := caller.Dial(ctx, Call{From: from, To: "ringing"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	receiveFrom(t, c.cancel, "CANCEL")

	deaf, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	nobody := c.caller(Options{})
	nobody.opt.Addr = deaf.LocalAddr().String()
	if _, err := nobody.Dial(testContext(t), Call{From: from, To: "10086"}); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := New(Options{Addr: "no port"}); err == nil {
		t.Error("an address without a port was taken")
	}
}

// send plays bytes to the caller, each packet at once.
func (c *callee) send(s *Session, seq uint16, alaw []byte) {
	to := s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: typePCMA, SequenceNumber: seq, SSRC: 7}, Payload: alaw}
	raw, err := p.Marshal()
	if err != nil {
		c.t.Error(err)
	}
	if _, err := c.rtp.WriteToUDPAddrPort(raw, to); err != nil {
		c.t.Error(err)
	}
}

func TestForeignPacketsAreNotHeard(t *testing.T) {
	c := startCallee(t)
	frames := make(chan Frame, 99)
	s, err := c.caller(Options{Audio: testAudio()}).Dial(testContext(t), Call{From: number(t, "13800000001"), To: "10086", OnFrame: func(f Frame) { frames <- f }})
	if err != nil {
		t.Fatal(err)
	}
	c.send(s, 1, one.alaw[:frameBytes])
	receiveFrom(t, frames, "frame")
	to := s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	stranger, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	other := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: typePCMA, SequenceNumber: 2, SSRC: 8}, Payload: one.alaw[:frameBytes]}
	raw, err := other.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, junk := range [][]byte{raw, {0x80, 200, 0, 1, 0, 0, 0, 1}, {1}, {0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 1}} {
		if _, err := stranger.Write(junk); err != nil {
			t.Fatal(err)
		}
	}
	c.send(s, 2, one.alaw[frameBytes:2*frameBytes])
	if f := receiveFrom(t, frames, "frame"); f.Seq != 2 || f.SSRC != 7 || time.Since(f.At) > time.Minute {
		t.Errorf("frame %+v", f)
	}
}
