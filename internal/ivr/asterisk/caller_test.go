package asterisk

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// parts gives the environment of a real Asterisk, or skips: locally, where there
// is none, but never where the tests are meant to be complete.
func parts(t testing.TB) Options {
	t.Helper()
	o := Options{URL: os.Getenv("ARI_URL"), User: os.Getenv("ARI_USER"), Password: os.Getenv("ARI_PASSWORD")}
	if o.URL != "" && os.Getenv("SIP_ADDR") != "" {
		return o
	}
	if cmp.Or(os.Getenv("CI"), os.Getenv("IVR_PARTS")) != "" {
		t.Fatal("ARI_URL and SIP_ADDR are not set: run the tests below 'ivr up --parts --'")
	}
	t.Skip("no Asterisk: ARI_URL and SIP_ADDR are not set")
	return o
}

// caller is a telephone of the smallest kind: one call over UDP, alaw, keys as
// RFC 4733 events. It says nothing and hears what it is sent.
type caller struct {
	t        testing.TB
	sip, rtp net.Conn
	from, to string
	id       string
	target   string // Contact of the other side
	hungUp   chan struct{}
	done     sync.WaitGroup

	mu    sync.Mutex
	seq   uint16
	stamp uint32
	heard time.Time // the last RTP packet
}

var (
	reToTag   = regexp.MustCompile(`(?mi)^To:.*;tag=([^\s;>]+)`)
	reContact = regexp.MustCompile(`(?mi)^Contact:\s*<([^>]+)>`)
	reAudio   = regexp.MustCompile(`(?m)^m=audio (\d+)`)
	reLine    = func(h string) *regexp.Regexp { return regexp.MustCompile(`(?mi)^` + h + `:.*\r\n`) }
)

// dialUp calls 10086 as 13800000001 and returns once the call is answered. app is
// the Stasis application that the dialplan for test calls hands it to.
func dialUp(t testing.TB, app string) *caller {
	t.Helper()
	addr := os.Getenv("SIP_ADDR")
	sip, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	local, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tag := rand.Text()[:10]
	c := &caller{t: t, sip: sip, id: rand.Text(), hungUp: make(chan struct{}), target: "sip:10086@" + addr,
		from: "<sip:13800000001@" + sip.LocalAddr().String() + ">;tag=" + tag, to: "<sip:10086@" + addr + ">"}
	sdp := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\n"+
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n", local.LocalAddr().(*net.UDPAddr).Port)
	c.write("INVITE", 1, "X-Dialtest: "+os.Getenv("DIALTEST_TOKEN")+"\r\nX-App: "+app+"\r\nContent-Type: application/sdp\r\n", sdp)
	ok := c.answer()
	c.to += ";tag=" + reToTag.FindStringSubmatch(ok)[1]
	c.target = reContact.FindStringSubmatch(ok)[1]
	c.write("ACK", 1, "", "")
	local.Close()
	c.rtp, err = net.DialUDP("udp", local.LocalAddr().(*net.UDPAddr), c.audio(ok))
	if err != nil {
		t.Fatal(err)
	}
	c.done.Go(c.listen)
	c.done.Go(c.hear)
	t.Cleanup(func() { c.hangUp(); c.sip.Close(); c.rtp.Close(); c.done.Wait() })
	return c
}

func (c *caller) audio(sdp string) *net.UDPAddr {
	addr := c.sip.RemoteAddr().(*net.UDPAddr)
	port := 0
	fmt.Sscan(reAudio.FindStringSubmatch(sdp)[1], &port)
	return &net.UDPAddr{IP: addr.IP, Port: port}
}

func (c *caller) write(method string, seq int, headers, body string) {
	fmt.Fprintf(c.sip, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:13800000001@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, c.target, c.sip.LocalAddr(), rand.Text(), c.from, c.to, c.id, seq, method, c.sip.LocalAddr(), headers, len(body), body)
}

// answer waits for the final response to the INVITE.
func (c *caller) answer() string {
	c.t.Helper()
	buf := make([]byte, 4096)
	for {
		_ = c.sip.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := c.sip.Read(buf)
		if err != nil {
			c.t.Fatalf("waiting for the call to be answered: %v", err)
		}
		m := string(buf[:n])
		if strings.HasPrefix(m, "SIP/2.0 200") {
			_ = c.sip.SetReadDeadline(time.Time{})
			return m
		}
		if !strings.HasPrefix(m, "SIP/2.0 1") {
			c.t.Fatalf("the call was refused: %.60s", m)
		}
	}
}

// listen answers what the other side asks; a BYE closes hungUp.
func (c *caller) listen() {
	buf := make([]byte, 4096)
	for {
		n, err := c.sip.Read(buf)
		if err != nil {
			return
		}
		m := string(buf[:n])
		if strings.HasPrefix(m, "SIP/2.0") || strings.HasPrefix(m, "ACK") {
			continue
		}
		reply := "SIP/2.0 200 OK\r\n"
		for _, h := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
			reply += reLine(h).FindString(m)
		}
		fmt.Fprint(c.sip, reply+"Content-Length: 0\r\n\r\n")
		if strings.HasPrefix(m, "BYE") {
			select {
			case <-c.hungUp:
			default:
				close(c.hungUp)
			}
		}
	}
}

func (c *caller) hear() {
	buf := make([]byte, 2048)
	for {
		if _, err := c.rtp.Read(buf); err != nil {
			return
		}
		c.mu.Lock()
		c.heard = time.Now()
		c.mu.Unlock()
	}
}

// press sends one key: 40 ms of event packets and three ends (RFC 4733, 2.5.1).
func (c *caller) press(key byte) {
	c.t.Helper()
	event := strings.IndexByte("0123456789*#ABCD", key)
	if event < 0 {
		c.t.Fatalf("no such key: %q", key)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamp += 800
	for i := range 5 {
		p := make([]byte, 16)
		p[0], p[1] = 0x80, 101
		if i == 0 {
			p[1] |= 0x80
		}
		c.seq++
		binary.BigEndian.PutUint16(p[2:], c.seq)
		binary.BigEndian.PutUint32(p[4:], c.stamp)
		binary.BigEndian.PutUint32(p[8:], 0xCA11)
		p[12], p[13] = byte(event), 10
		if i >= 2 {
			p[13] |= 0x80
		}
		binary.BigEndian.PutUint16(p[14:], uint16(160*min(i+1, 3)))
		if _, err := c.rtp.Write(p); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *caller) hangUp() {
	select {
	case <-c.hungUp:
	default:
		c.write("BYE", 2, "", "")
	}
}
