package api

import (
	"net"
	"net/http"
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

// admit tells who asks, or why not. The error is nobody's fault but ours.
func (g *guard) admit(r *http.Request) (user, *problem, error) {
	from := client(r)
	wrong := g.bad.of(from)
	if !g.clients.of(from).Allow() || wrong.Tokens() < 1 {
		return user{}, fail(http.StatusTooManyRequests, "too many requests, or wrong secrets, from this address; wait"), nil
	}
	users, err := readUsers(g.file)
	if err != nil {
		return user{}, nil, err
	}
	u, given, ok := g.who(r, users)
	if !ok {
		if given {
			wrong.Allow()
		}
		return u, fail(http.StatusUnauthorized, "give a bearer token, or name and password, of the users' file (see 'ivr admin adduser')"), nil
	}
	if !g.names.of(u.name).Allow() {
		return u, fail(http.StatusTooManyRequests, "too many requests of this user; wait"), nil
	}
	return u, nil, nil
}

// who finds the user of a request's secret; given: there was one.
func (g *guard) who(r *http.Request, users []user) (_ user, given, ok bool) {
	if token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer {
		hash := hashToken(token) // compared as a hash: time tells nothing of the token
		for _, u := range users {
			if u.secret == hash {
				return u, true, true
			}
		}
		return user{}, true, false
	}
	name, password, basic := r.BasicAuth()
	if !basic {
		return user{}, false, false
	}
	// As long for a name that is not there: time does not tell which names are.
	found := user{secret: "argon2id:00:00"}
	for _, u := range users {
		if u.name == name && strings.HasPrefix(u.secret, "argon2id:") {
			found = u
		}
	}
	g.stretching <- struct{}{}
	defer func() { <-g.stretching }()
	return found, true, passes(found.secret, password) && found.name != ""
}
