package stack

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// phone is the least SIP telephone that can call, be called and register. It sends no
// audio. All methods fail the test when the other side does not do what is expected.
type phone struct {
	t    *testing.T
	conn *net.UDPConn
	name string

	call, tag, remote string // of the call it is in: Call-ID, own tag, the To of the answer
	branch            int
	to                string
	seq               int
}

func newPhone(t *testing.T, server, name string) *phone {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn, name: name, call: fmt.Sprintf("%x@test", rand.Uint64()), tag: "t1", seq: 1}
}

// message is a SIP message without its body: no test looks at the other side's SDP.
type message struct {
	start   string
	headers textproto.MIMEHeader
}

func (m message) is(method string) bool { return strings.HasPrefix(m.start, method+" ") }

// send sends a request with the headers that are always the same.
func (p *phone) send(method, to, toTag string, seq int, body string, extra ...string) {
	p.t.Helper()
	local := p.conn.LocalAddr()
	p.branch++
	lines := []string{
		fmt.Sprintf("%s sip:%s@%s SIP/2.0", method, to, p.conn.RemoteAddr()),
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport", local, p.call[:8], p.branch),
		fmt.Sprintf("From: <sip:%s@%s>;tag=%s", p.name, local, p.tag),
		fmt.Sprintf("To: <sip:%s@%s>%s", to, p.conn.RemoteAddr(), toTag),
		"Call-ID: " + p.call,
		fmt.Sprintf("CSeq: %d %s", seq, method),
		fmt.Sprintf("Contact: <sip:%s@%s>", p.name, local),
		"Max-Forwards: 70",
	}
	lines = append(lines, extra...)
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	p.write(strings.Join(lines, "\r\n"))
}

func (p *phone) write(text string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// await reads until a message is wanted. What it passes over (provisional answers,
// resendings) needs no reply; an early BYE ends the wait.
func (p *phone) await(what string, wanted func(message) bool) message {
	p.t.Helper()
	buf := make([]byte, 65536)
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", what, err)
		}
		r := textproto.NewReader(bufio.NewReader(strings.NewReader(string(buf[:n]))))
		start, err := r.ReadLine()
		if err != nil {
			p.t.Fatal(err)
		}
		headers, err := r.ReadMIMEHeader()
		if err != nil {
			p.t.Fatal(err)
		}
		m := message{start, headers}
		if wanted(m) {
			return m
		}
		if m.is("BYE") {
			p.t.Fatalf("hung up while waiting for %s", what)
		}
	}
}

// sdp offers alaw and keys at the SIP port: what comes there is passed over by await.
func (p *phone) sdp() string {
	_, port, _ := net.SplitHostPort(p.conn.LocalAddr().String())
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " + port +
		" RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
}

// invite calls a number and waits for the answer.
func (p *phone) invite(to string, headers ...string) {
	p.t.Helper()
	p.to = to
	p.send("INVITE", to, "", p.seq, p.sdp(), headers...)
	m := p.await("an answer", func(m message) bool { return isFinal(m) })
	if m.start != "SIP/2.0 200 OK" {
		p.t.Fatalf("call to %s: %s", to, m.start)
	}
	p.remote = regexp.MustCompile(`;tag=[^;>\s]+`).FindString(m.headers.Get("To"))
	p.send("ACK", to, p.remote, p.seq, "")
}

// isFinal knows an answer that ends a transaction, good or bad.
func isFinal(m message) bool {
	code, found := strings.CutPrefix(m.start, "SIP/2.0 ")
	return found && code[0] >= '2'
}

// hangUp ends the call from this side.
func (p *phone) hangUp() {
	p.t.Helper()
	p.seq++
	p.send("BYE", p.to, p.remote, p.seq, "")
	p.await("the end", isFinal)
}

// refer transfers the other side to an extension (RFC 3515).
func (p *phone) refer(to string) {
	p.t.Helper()
	p.seq++
	p.send("REFER", p.to, p.remote, p.seq, "", "Refer-To: <sip:"+to+"@"+p.conn.RemoteAddr().String()+">")
	if m := p.await("an answer to the transfer", isFinal); m.start != "SIP/2.0 202 Accepted" {
		p.t.Fatalf("transfer to %s: %s", to, m.start)
	}
}

// hungUp waits for the other side to end the call.
func (p *phone) hungUp() {
	p.t.Helper()
	p.reply(p.await("a BYE", func(m message) bool { return m.is("BYE") }), "")
}

// reply answers a request with 200.
func (p *phone) reply(m message, body string) {
	p.t.Helper()
	to := m.headers.Get("To")
	if !strings.Contains(to, ";tag=") {
		to += ";tag=t2"
	}
	lines := []string{"SIP/2.0 200 OK"}
	for _, via := range m.headers["Via"] {
		lines = append(lines, "Via: "+via)
	}
	lines = append(lines, "From: "+m.headers.Get("From"), "To: "+to, "Call-ID: "+m.headers.Get("Call-Id"), "CSeq: "+m.headers.Get("Cseq"),
		fmt.Sprintf("Contact: <sip:%s@%s>", p.name, p.conn.LocalAddr()))
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	p.write(strings.Join(append(lines, "Content-Length: "+strconv.Itoa(len(body)), "", body), "\r\n"))
}

// register registers with a password, by the challenge of RFC 2617.
func (p *phone) register(password string) {
	p.t.Helper()
	p.send("REGISTER", p.name, "", p.seq, "", "Expires: 60")
	m := p.await("a challenge", isFinal)
	challenge := m.headers.Get("Www-Authenticate")
	field := func(name string) string {
		found := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(challenge)
		if found == nil {
			p.t.Fatalf("no %s in %q (%s)", name, challenge, m.start)
		}
		return found[1]
	}
	hash := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	uri := fmt.Sprintf("sip:%s@%s", p.name, p.conn.RemoteAddr())
	response := hash(hash(p.name, field("realm"), password), field("nonce"), "00000001", "c", "auth", hash("REGISTER", uri))
	p.seq++
	p.send("REGISTER", p.name, "", p.seq, "", "Expires: 60",
		fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", qop=auth, nc=00000001, cnonce="c", opaque="%s"`,
			p.name, field("realm"), field("nonce"), uri, response, field("opaque")))
	if m := p.await("the registration", isFinal); m.start != "SIP/2.0 200 OK" {
		p.t.Fatalf("register: %s", m.start)
	}
}
