package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// Requests a second and at once: of a client's address, of a user, and wrong secrets of an address.
const (
	clientRate, clientBurst = 20, 40
	userRate, userBurst     = 10, 30
	wrongRate, wrongBurst   = 0.2, 5
	mostLimits              = 10_000 // addresses or users remembered
)

// limits is a rate limit for each of many.
type limits struct {
	rate  rate.Limit
	burst int
	mu    sync.Mutex
	each  map[string]*rate.Limiter
}

func newLimits(r rate.Limit, burst int) *limits {
	return &limits{rate: r, burst: burst, each: map[string]*rate.Limiter{}}
}

// of gives the limit of one. Who has not come for a while is forgotten where there are too many; where
// that does not help, all further ones share a limit.
func (l *limits) of(name string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each[name] == nil && len(l.each) >= mostLimits {
		for other, limit := range l.each {
			if limit.Tokens() >= float64(l.burst) {
				delete(l.each, other)
			}
		}
		if len(l.each) >= mostLimits {
			name = ""
		}
	}
	if l.each[name] == nil {
		l.each[name] = rate.NewLimiter(l.rate, l.burst)
	}
	return l.each[name]
}

// guard lets in who has a secret of the users' file.
type guard struct {
	file                string
	clients, names, bad *limits
	stretching          chan struct{} // a password costs 19 MiB and some 30 ms: few at once
}

func newGuard(file string) *guard {
	return &guard{
		file:    file,
		clients: newLimits(clientRate, clientBurst), names: newLimits(userRate, userBurst), bad: newLimits(wrongRate, wrongBurst),
		stretching: make(chan struct{}, 2),
	}
}

// client is the address that a request came from. Headers about it are not believed.
func client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// neighbours is what an address is limited by: itself, or of IPv6 its network, as whoever
// has one address there has 2^64 of them.
func neighbours(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

// hurried tells whether a request comes too fast from its address, be there a secret in it or not.
func (g *guard) hurried(r *http.Request) *problem {
	if g.clients.of(neighbours(client(r))).Allow() {
		return nil
	}
	return fail(http.StatusTooManyRequests, "too many requests from this address; wait")
}

// admit tells who asks, or why not. The error is nobody's fault but ours.
func (g *guard) admit(r *http.Request) (user, *problem, error) {
	users, err := readUsers(g.file)
	if err != nil {
		return user{}, nil, err
	}
	u, refused := g.who(r, users)
	if refused == nil && !g.names.of(u.name).Allow() {
		refused = fail(http.StatusTooManyRequests, "too many requests of this user; wait")
	}
	return u, refused, nil
}

// who finds the user of a request's secret.
func (g *guard) who(r *http.Request, users []user) (user, *problem) {
	wrong := g.bad.of(neighbours(client(r)))
	if wrong.Tokens() < 1 {
		return user{}, tooManyWrong
	}
	if token, bearer := bearerToken(r); bearer {
		hash := hashToken(token) // compared as a hash: time tells nothing of the token
		for _, u := range users {
			if u.secret == hash {
				return u, nil
			}
		}
		wrong.Allow()
		return user{}, wrongSecret
	}
	name, password, basic := r.BasicAuth()
	if !basic {
		return user{}, noSecret
	}
	// As long for a name that is not there: time does not tell which names are.
	found := user{secret: "argon2id:00:00"}
	for _, u := range users {
		if u.name == name && strings.HasPrefix(u.secret, "argon2id:") {
			found = u
		}
	}
	select {
	case g.stretching <- struct{}{}:
		defer func() { <-g.stretching }()
	case <-r.Context().Done():
		return user{}, tooManyWrong // its client has gone
	}
	// Again: many that came at once have all found a guess left.
	if wrong.Tokens() < 1 {
		return user{}, tooManyWrong
	}
	if !passes(found.secret, password) || found.name == "" {
		wrong.Allow()
		return user{}, wrongSecret
	}
	return found, nil
}

var (
	noSecret     = fail(http.StatusUnauthorized, "give a bearer token, or name and password, of the users' file (see 'ivr admin adduser')")
	wrongSecret  = fail(http.StatusUnauthorized, "the users' file has no such bearer token, or name with that password (see 'ivr admin adduser')")
	tooManyWrong = fail(http.StatusTooManyRequests, "too many wrong secrets from this address; wait")
)

// bearerToken gives the token of a request, if it has one; the scheme may be in any case (RFC 9110, 11.1).
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}
