// Package dialtest is the hotline's own caller: it places real SIP calls with
// real RTP, recognises bit by bit which prompts it hears, presses keys as a
// telephone does (RFC 4733) and measures the time from a key to the next prompt.
//
// One Caller is a user agent for thousands of calls on one SIP socket:
//
//	caller, err := dialtest.New(dialtest.Options{Addr: sipAddr, Audio: audio, Log: log})
//	call, err := caller.Dial(ctx, dialtest.Call{From: "13800000001", To: "10086"})
//	presses, err := call.Walk(ctx, dialtest.Walk{Keys: dialtest.Each("3111")})
//	for _, h := range call.Heard() { … }
//	err = call.Hangup(ctx)
//
// It refuses to know what a menu means: it does not read menus, the journal or
// the database. It refuses every codec but G.711 A-law, because only a stream
// that nobody has transcoded can be compared with the prompt files bit by bit.
package dialtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// The SIP headers agreed with the dialplan.
const (
	// TestHeader marks a call as a dial test; its value is the shared token, so
	// that no ordinary caller can take himself out of the failure rate.
	TestHeader = "X-Dialtest"
	// CallIDHeader gives the call its id, a UUID, which is the key to its rows in
	// the journal. The dialplan takes it from dial tests only; it cannot send its
	// own, because Asterisk adds no header to the answer of an INVITE.
	CallIDHeader = "X-Call-ID"
)

// Options of a Caller. Addr is required.
type Options struct {
	Addr  string // host:port of the switch, SIP over UDP
	Local string // IP address to call from; "" takes the one that the switch is reached from
	Token string // value of TestHeader; "" places ordinary calls, without the mark
	Audio *Audio // what can be recognised; nil hears everything as Unknown
	// Lean sends one packet a second of silence instead of one every 20 ms:
	// for load, where the switch need not hear the callers breathe.
	Lean bool
	Log  *slog.Logger // nil: nothing is logged
}

// Caller places calls. It owns one SIP socket, and one socket with one reading
// goroutine for each call that is up. Its methods may be called concurrently.
type Caller struct {
	opt     Options
	local   netip.AddrPort // of the SIP socket
	sock    *net.UDPConn
	ua      *sipgo.UserAgent
	dialogs *sipgo.DialogClientCache
	wg      sync.WaitGroup // SIP server, pacer, one reader a call
	stop    context.CancelFunc

	mu    sync.Mutex
	calls map[*Session]struct{} // those that are up, for the pacer and Close
}

// New opens the SIP socket towards opt.Addr. Nothing is sent before Dial.
func New(opt Options) (*Caller, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Audio == nil {
		opt.Audio = &Audio{}
	}
	sock, err := listen(opt)
	if err != nil {
		return nil, fmt.Errorf("open a SIP socket towards %q: %w", opt.Addr, err)
	}
	c := &Caller{opt: opt, sock: sock, calls: map[*Session]struct{}{}}
	c.local = sock.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := c.startUA(); err != nil {
		sock.Close()
		return nil, fmt.Errorf("start a SIP user agent: %w", err)
	}
	return c, nil
}

// listen binds a free port of the address to call from.
func listen(opt Options) (*net.UDPConn, error) {
	if opt.Local == "" {
		return listenTowards(opt.Addr)
	}
	ip := net.ParseIP(opt.Local)
	if ip == nil {
		return nil, fmt.Errorf("%q is no IP address to call from", opt.Local)
	}
	return net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
}

// listenTowards binds a free port of the address from which the switch is reached.
func listenTowards(addr string) (*net.UDPConn, error) {
	probe, err := net.Dial("udp4", addr)
	if err != nil {
		return nil, err
	}
	local := probe.LocalAddr().(*net.UDPAddr)
	if err := probe.Close(); err != nil {
		return nil, err
	}
	return net.ListenUDP("udp4", &net.UDPAddr{IP: local.IP})
}

func (c *Caller) startUA() error {
	log := c.opt.Log.With("part", "sip")
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent("hotline-dialtest"),
		sipgo.WithUserAgentHostname(c.local.Addr().String()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(log)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(log),
			// A late copy of an answer belongs to no transaction: of no interest.
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		))
	if err != nil {
		return err
	}
	// The client must send from the socket on which the server below listens,
	// so that the switch's BYE finds the way back.
	client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(log),
		sipgo.WithClientAddr(c.local.String()), sipgo.WithClientConnectionAddr(c.local.String()))
	if err != nil {
		return errors.Join(err, ua.Close())
	}
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(log))
	if err != nil {
		return errors.Join(err, ua.Close())
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "dialtest", Host: c.local.Addr().String(), Port: int(c.local.Port())}}
	c.ua, c.dialogs = ua, sipgo.NewDialogClientCache(client, contact)
	server.OnBye(c.onBye)
	server.OnOptions(respond(sip.StatusOK, "OK"))
	// A new offer within a call would mean another codec or address; refusing it
	// leaves the call as it is (RFC 3261, 14.2).
	server.OnInvite(respond(sip.StatusNotAcceptableHere, "Not Acceptable Here"))

	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	serving := &servedSocket{UDPConn: c.sock, reading: make(chan struct{})}
	c.wg.Go(func() {
		if err := server.TransportLayer().ServeUDP(serving); err != nil && ctx.Err() == nil {
			c.opt.Log.Error("SIP socket failed", "err", err)
		}
	})
	<-serving.reading
	c.wg.Go(func() { c.pace(ctx) })
	return nil
}

// servedSocket tells when sipgo has begun to read. Before that a client does not
// find the socket among sipgo's connections and tries to bind its address again.
type servedSocket struct {
	*net.UDPConn
	once    sync.Once
	reading chan struct{}
}

func (s *servedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.once.Do(func() { close(s.reading) })
	return s.UDPConn.ReadFrom(b)
}

func respond(code int, reason string) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		// A lost response is repeated by the transaction when the request comes again.
		_ = tx.Respond(sip.NewResponseFromRequest(req, code, reason, nil))
	}
}

// onBye takes the switch's hang-up. The state change that ReadBye causes ends the Session.
func (c *Caller) onBye(req *sip.Request, tx sip.ServerTransaction) {
	if err := c.dialogs.ReadBye(req, tx); err != nil {
		respond(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")(req, tx)
	}
}

// pace sends silence for all calls from one goroutine: a timer a call would
// cost more than the packets.
func (c *Caller) pace(ctx context.Context) {
	every := frameTime
	if c.opt.Lean {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var up []*Session
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		up = up[:0]
		c.mu.Lock()
		for s := range c.calls {
			up = append(up, s)
		}
		c.mu.Unlock()
		for _, s := range up {
			s.out.silence()
		}
	}
}

// Close hangs up the calls that are still up, and waits for everything that the
// Caller started. No call can be placed afterwards.
func (c *Caller) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	c.mu.Lock()
	up := make([]*Session, 0, len(c.calls))
	for s := range c.calls {
		up = append(up, s)
	}
	c.mu.Unlock()
	var byes sync.WaitGroup
	for _, s := range up {
		byes.Go(func() { _ = s.Hangup(ctx) }) // the session ends whether or not the BYE is answered
	}
	byes.Wait()
	c.stop()
	// The socket goes first: the reader sits in it, and the user agent's own
	// Close leaves listening sockets to their owner.
	err := errors.Join(c.sock.Close(), c.ua.Close())
	c.wg.Wait()
	return err
}
