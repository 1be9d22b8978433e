package adaptertest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"time"
)

// wireFault is what happens to a request between the adapter and the BOSS.
type wireFault struct {
	name     string
	forward  int           // how often the request is passed on to the BOSS
	after    time.Duration // the effect comes this long after the reply
	silent   bool          // nothing comes back until the adapter leaves
	busy     bool          // it says that nothing was done
	huge     bool          // the reply is longer than an adapter may take
	harmless bool          // the true reply arrives: the adapter is to give the true answer
	write    func(c net.Conn, p *proxy, true reply)
}

// meet replaces what would have happened. It owns one place in p.later.
func (f *wireFault) meet(p *proxy, w http.ResponseWriter, r *http.Request, forward func() (reply, error)) {
	if f.after > 0 {
		go func() { // ends with the reply of the BOSS; the proxy waits for it
			defer p.later.Done()
			time.Sleep(f.after) // a slow network is what is shown here
			_, _ = forward()
		}()
	} else {
		defer p.later.Done()
	}
	var rep reply
	if f.after == 0 {
		for range f.forward {
			var err error
			if rep, err = forward(); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	}
	if f.silent {
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Second): // for an adapter that never leaves
		}
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	f.write(conn, p, rep)
}

// send writes a whole reply. The adapter may have gone: then nobody reads it.
func send(c net.Conn, status int, kind string, body []byte, more ...string) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", status, http.StatusText(status), len(body))
	if kind != "" {
		fmt.Fprintf(&out, "Content-Type: %s\r\n", kind)
	}
	more = append(more, "Connection: close") // as is done next
	for _, line := range more {
		out.WriteString(line + "\r\n")
	}
	out.WriteString("\r\n")
	out.Write(body)
	_, _ = c.Write(out.Bytes())
}

func says(status int, kind, body string) func(net.Conn, *proxy, reply) {
	return func(c net.Conn, _ *proxy, _ reply) { send(c, status, kind, []byte(body)) }
}

func hangUp(net.Conn, *proxy, reply) {}

// reset makes Close send RST instead of FIN.
func reset(c net.Conn, _ *proxy, _ reply) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

func half(c net.Conn, _ *proxy, t reply) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", t.status, t.header.Get("Content-Type"), len(t.body))
	out.Write(t.body[:len(t.body)/2])
	_, _ = c.Write(out.Bytes())
}

// cut is half a document as a whole reply: the length says nothing of it.
func cut(c net.Conn, _ *proxy, t reply) {
	send(c, t.status, t.header.Get("Content-Type"), t.body[:len(t.body)/2])
}

// repeat says the same twice. The second is there before the next request, whose reply it is not.
func repeat(c net.Conn, _ *proxy, t reply) {
	one := fmt.Sprintf("HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", t.status, t.header.Get("Content-Type"), len(t.body), t.body)
	_, _ = c.Write([]byte(one + one))
}

// endless begins with far more white space than any reply is long, and then is the true one:
// an adapter that takes it would take a gigabyte as well.
func endless(c net.Conn, _ *proxy, t reply) {
	send(c, t.status, t.header.Get("Content-Type"), append(bytes.Repeat([]byte(" "), 32<<20), t.body...))
}

func redirect(status int) func(net.Conn, *proxy, reply) {
	return func(c net.Conn, p *proxy, _ reply) {
		send(c, status, "text/plain", nil, "Location: "+p.trap.URL+"/login")
	}
}

const (
	page    = "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>nginx</h1></body></html>"
	garbage = "\x00\xff}{<not any=document"
)

// wireFaults are all that the proxy can do. In those named "before", the BOSS hears of nothing:
// the adapter cannot know, and may not say so unless the reply promises it.
func wireFaults() []wireFault {
	html, json := "text/html", "application/json"
	return []wireFault{
		{name: "hang-up before the effect", write: hangUp},
		{name: "reset before the effect", write: reset},
		{name: "500 before the effect", write: says(500, json, `{}`)},
		{name: "429 before the effect", busy: true, write: says(429, json, `{}`)},
		{name: "503 before the effect", busy: true, write: says(503, json, `{}`)},
		{name: "502 page of a gateway", write: says(502, html, page)},
		{name: "404 page of a gateway", write: says(404, html, page)},
		{name: "200 page of a gateway", write: says(200, html, page)},
		{name: "200 with nothing", write: says(200, json, "")},
		{name: "204", write: says(204, "", "")},
		{name: "200 of an empty object", write: says(200, json, "{}")},
		{name: "200 of null", write: says(200, json, "null")},
		{name: "garbage before the effect", write: says(200, json, garbage)},
		{name: "no HTTP at all", write: func(c net.Conn, _ *proxy, _ reply) { _, _ = c.Write([]byte("SSH-2.0-boss\r\n")) }},
		{name: "redirect 302", write: redirect(302)},
		{name: "redirect 307", write: redirect(307)},
		{name: "no reply before the effect", silent: true},
		{name: "hang-up after the effect", forward: 1, write: hangUp},
		{name: "reset after the effect", forward: 1, write: reset},
		{name: "500 after the effect", forward: 1, write: says(500, json, `{}`)},
		{name: "502 page after the effect", forward: 1, write: says(502, html, page)},
		{name: "garbage after the effect", forward: 1, write: says(200, json, garbage)},
		{name: "half a reply", forward: 1, write: half},
		{name: "half a document", forward: 1, write: cut},
		{name: "reply without end", forward: 1, huge: true, write: endless},
		{name: "late reply", forward: 1, silent: true},
		{name: "late effect", forward: 1, after: 300 * time.Millisecond, write: hangUp},
		{name: "true reply with a wrong content type", forward: 1, write: func(c net.Conn, _ *proxy, t reply) {
			send(c, t.status, "text/html", t.body)
		}},
		{name: "reply repeated", forward: 1, harmless: true, write: repeat},
		{name: "request repeated on its way", forward: 2, write: func(c net.Conn, _ *proxy, t reply) {
			send(c, t.status, t.header.Get("Content-Type"), t.body)
		}},
	}
}
