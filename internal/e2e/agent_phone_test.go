package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"
)

// agent is a telephone that registers as `agent` and takes calls.
type agent struct {
	client  *sipgo.Client
	dialogs *sipgo.DialogServerCache
	conn    *net.UDPConn // RTP
	calls   chan *sipgo.DialogServerSession
	current *sipgo.DialogServerSession
	frames  chan rtp.Packet
	peer    *net.UDPAddr
	refers  chan string // what the PBX says of transfers: "SIP/2.0 200 OK"
	leaves  func()      // logs the agent out; more than once does no harm
}

// socket tells when sipgo has begun to read. Before that a client does not find it
// among sipgo's connections and tries to bind its address again.
type socket struct {
	*net.UDPConn
	once  sync.Once
	begun chan struct{}
}

func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.once.Do(func() { close(s.begun) })
	return s.UDPConn.ReadFrom(b)
}

func newAgent(t *testing.T) *agent {
	t.Helper()
	a := &agent{calls: make(chan *sipgo.DialogServerSession, 1), frames: make(chan rtp.Packet, 1000), refers: make(chan string, 16)}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("agent"), sipgo.WithUserAgentHostname("127.0.0.1"))
	fatal(t, err)
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	fatal(t, err)
	a.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	fatal(t, err)
	local := sock.LocalAddr().(*net.UDPAddr)
	server, err := sipgo.NewServer(ua)
	fatal(t, err)
	a.client, err = sipgo.NewClient(ua, sipgo.WithClientAddr(local.String()), sipgo.WithClientConnectionAddr(local.String()))
	fatal(t, err)
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "agent", Host: "127.0.0.1", Port: local.Port}}
	a.dialogs = sipgo.NewDialogServerCache(a.client, contact)
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		call, err := a.dialogs.ReadInvite(req, tx)
		if err == nil {
			a.calls <- call
			<-tx.Done()
		}
	})
	server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) { _ = a.dialogs.ReadAck(req, tx) })
	server.OnNotify(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil))
		a.refers <- string(req.Body())
	})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) { _ = a.dialogs.ReadBye(req, tx) })
	reading := &socket{UDPConn: sock, begun: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeUDP(reading) // ends with its socket
	}()
	<-reading.begun
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		a.hear()
	}()
	a.leaves = sync.OnceFunc(func() {
		if err := a.register(contact, 0); err != nil {
			t.Error(err)
		}
		_, _, _ = sock.Close(), a.conn.Close(), ua.Close()
		<-done
		<-heard
	})
	t.Cleanup(a.leaves)
	fatal(t, a.register(contact, 300))
	return a
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// register says where the agent is, or with no time that it has gone.
func (a *agent) register(contact sip.ContactHeader, seconds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var to sip.Uri
	if err := sip.ParseUri("sip:agent@"+os.Getenv("SIP_ADDR"), &to); err != nil {
		return err
	}
	req := sip.NewRequest(sip.REGISTER, to)
	req.AppendHeader(&contact)
	req.AppendHeader(sip.NewHeader("Expires", fmt.Sprint(seconds)))
	req.AppendHeader(&sip.FromHeader{Address: to, Params: sip.HeaderParams{{K: "tag", V: sip.GenerateTagN(8)}}})
	res, err := a.client.Do(ctx, req)
	if err == nil && res.StatusCode == sip.StatusUnauthorized {
		res, err = a.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: "agent", Password: os.Getenv("AGENT_PASSWORD")})
	}
	if err != nil {
		return fmt.Errorf("register as agent: %w", err)
	}
	if res.StatusCode != sip.StatusOK {
		return fmt.Errorf("register as agent: %s", res.StartLine())
	}
	return nil
}

// rings waits for the next call.
func (a *agent) rings(t *testing.T) {
	t.Helper()
	select {
	case a.current = <-a.calls:
	case <-time.After(patience):
		t.Fatal("the agent's telephone does not ring")
	}
}

// answers takes the next call.
func (a *agent) answers(t *testing.T) {
	t.Helper()
	a.rings(t)
	if from := a.current.InviteRequest.From().Address.User; from == "" {
		t.Error("the agent does not see who calls")
	}
	sdp := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n",
		a.conn.LocalAddr().(*net.UDPAddr).Port)
	var port int
	for _, line := range strings.Split(string(a.current.InviteRequest.Body()), "\r\n") {
		if strings.HasPrefix(line, "m=audio ") {
			_, err := fmt.Sscanf(line, "m=audio %d", &port)
			fatal(t, err)
		}
	}
	a.peer = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	fatal(t, a.current.RespondSDP([]byte(sdp)))
}

// hear reads what comes until the socket is closed.
func (a *agent) hear() {
	buf := make([]byte, 1500)
	for {
		n, err := a.conn.Read(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if buf[1] >= 192 && buf[1] <= 223 || p.Unmarshal(buf[:n]) != nil { // RTCP (RFC 5761, 4)
			continue
		}
		p.Payload = append([]byte(nil), p.Payload...)
		select {
		case a.frames <- p:
		default: // nobody listens
		}
	}
}

// listens waits for so many frames of the caller's silence.
func (a *agent) listens(t *testing.T, frames int) {
	t.Helper()
	a.await(t, "the caller's silence", func(p rtp.Packet) bool {
		if p.PayloadType == 8 && strings.Count(string(p.Payload), "\xd5") == len(p.Payload) {
			frames--
		}
		return frames <= 0
	})
}

// hearsKey waits for the end of a key (RFC 4733).
func (a *agent) hearsKey(t *testing.T, event byte) {
	t.Helper()
	a.await(t, "the caller's key", func(p rtp.Packet) bool {
		return p.PayloadType == 101 && len(p.Payload) == 4 && p.Payload[0] == event && p.Payload[1]&0x80 != 0
	})
}

func (a *agent) await(t *testing.T, what string, found func(rtp.Packet) bool) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case p := <-a.frames:
			if found(p) {
				return
			}
		case <-late:
			t.Fatalf("the agent does not hear %s", what)
		}
	}
}

// speaks sends a recording, 20 ms after 20 ms.
func (a *agent) speaks(t *testing.T, prompt string) {
	t.Helper()
	alaw, err := os.ReadFile(filepath.Join(os.Getenv("AUDIO"), "zh", prompt+".alaw"))
	fatal(t, err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	head := rtp.Header{Version: 2, PayloadType: 8, SSRC: 4711, Marker: true}
	for len(alaw) > 0 {
		n := min(160, len(alaw))
		data, err := (&rtp.Packet{Header: head, Payload: alaw[:n]}).Marshal()
		fatal(t, err)
		_, err = a.conn.WriteToUDP(data, a.peer)
		fatal(t, err)
		alaw, head.Marker = alaw[n:], false
		head.SequenceNumber++
		head.Timestamp += 160
		<-tick.C
	}
}

func (a *agent) hangsUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.current.Bye(ctx); err != nil {
		t.Errorf("the agent hangs up: %v", err)
	}
}

// shows gives what the agent's telephone is told of the call: the headers X-Hotline-….
func (a *agent) shows() map[string]string {
	told := map[string]string{}
	for _, h := range a.current.InviteRequest.Headers() {
		if name, ours := strings.CutPrefix(h.Name(), "X-Hotline-"); ours {
			told[strings.ToLower(name)] = h.Value()
		}
	}
	return told
}

// sendsTo transfers the caller to an extension: a node of the menu. It gives what
// came of it, as a SIP status (RFC 3515).
func (a *agent) sendsTo(t *testing.T, node string) (status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := sip.NewRequest(sip.REFER, a.current.InviteRequest.Contact().Address)
	req.AppendHeader(sip.NewHeader("Refer-To", "<sip:"+node+"@"+os.Getenv("SIP_ADDR")+">"))
	res, err := a.current.Do(ctx, req)
	if err != nil || res.StatusCode != sip.StatusAccepted {
		t.Fatalf("REFER to %s: %v %v", node, res, err)
	}
	for status < 200 {
		select {
		case said := <-a.refers:
			if _, err := fmt.Sscanf(said, "SIP/2.0 %d", &status); err != nil {
				t.Fatalf("the PBX says of the transfer to %s: %q", node, said)
			}
		case <-ctx.Done():
			t.Fatalf("the PBX does not say what came of the transfer to %s", node)
		}
	}
	return status
}
