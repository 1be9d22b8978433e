package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Our ports are taken below 32768, where the kernel takes those of outgoing
// connections: one of these could grab ours between the look and the bind.
const (
	lowPort, highPort = 10000, 16384
	lowRTP, highRTP   = 16384, 32768
	rtpPorts          = 4096 // two a leg
)

// ports are the addresses of one run. They are chosen before anything is started, as
// Asterisk and Postgres cannot say which port they took when they are told to take any.
type ports struct {
	sip, ari, http, postgres string // host:port
	boss, bossPostgres       string // of a BOSS of its own, whether there is one or not
	admin                    string // of the admin API, likewise
	rtpStart, rtpEnd         int
}

// choosePorts takes free ports, and the wished-for ones if they are free.
func choosePorts(o Options) (p ports, err error) {
	if p.sip, err = choose("SIP_ADDR", "udp", o.SIPAddr); err != nil {
		return p, err
	}
	if p.http, err = choose("HTTP_ADDR", "tcp", o.HTTPAddr); err != nil {
		return p, err
	}
	for _, own := range []*string{&p.ari, &p.postgres, &p.boss, &p.bossPostgres, &p.admin} {
		if *own, err = choose("", "tcp", ""); err != nil {
			return p, err
		}
	}
	// Two runs may get the same block: Asterisk passes over a port that is taken.
	p.rtpStart = lowRTP + rtpPorts*rand.IntN((highRTP-lowRTP)/rtpPorts)
	p.rtpEnd = p.rtpStart + rtpPorts - 1
	return p, nil
}

// choose returns the wished address, or a free one on the loopback. The setting's name
// is for the message.
func choose(setting, network, wish string) (string, error) {
	if wish != "" {
		addr, err := netip.ParseAddrPort(wish)
		if err != nil {
			return "", fmt.Errorf("%s=%q: want an IP address and a port, as 127.0.0.1:5060", setting, wish)
		}
		if setting == "SIP_ADDR" && !addr.Addr().IsLoopback() {
			return "", fmt.Errorf("%s=%s: this PBX lets in anybody who reaches it, so it stays on 127.0.0.1", setting, wish)
		}
		if err := tryBind(network, wish); err != nil {
			return "", fmt.Errorf("%s=%s (%s) cannot be used: %w; free it, or unset %s to get a free port", setting, wish, network, reason(err), setting)
		}
		return wish, nil
	}
	for range 200 {
		addr := fmt.Sprintf("127.0.0.1:%d", lowPort+rand.IntN(highPort-lowPort))
		if tryBind(network, addr) == nil {
			return addr, nil
		}
	}
	return "", fmt.Errorf("no free %s port on 127.0.0.1 between %d and %d", network, lowPort, highPort)
}

// tryBind binds the address for a moment. Between that and the bind by its user another
// process can take it; then that start fails, and says so.
func tryBind(network, addr string) error {
	if network == "udp" {
		conn, err := net.ListenPacket(network, addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// reason is the innermost cause: net and pgx repeat the address around it.
func reason(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) {
		return refusal
	}
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) {
		return lookup
	}
	return err
}
