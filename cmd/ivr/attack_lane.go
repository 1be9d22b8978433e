package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"hotline/internal/crash"
	"hotline/internal/dialtest"
)

// killLane is one hotline under attack: a server that dies again and again, its database, its
// BOSS, its callers, and for some a standby.
type killLane struct {
	killFlags
	scene
	number  int
	app     string
	standby string // application of its standby; "" for none
	hotel   string // the hotline's database
	boss    *attacked
	phones  *dialtest.Caller
	random  *rand.Rand

	mu     sync.Mutex
	since  time.Time    // the present server is ready
	calls  []*orderCall // of all callers, those under way included
	deaths []kill
}

// kill is one death of the server.
type kill struct {
	Point    crash.Point // "" for a random instant
	At       time.Time
	InFlight int  // orders that were confirmed to this server, and whose callers have not heard what came of them
	Missed   bool // the point was not passed; killed from outside
}

// openBoss starts the BOSS of the lane on a database of its own. undo is what to do in
// the end, from the last to the first.
func (l *killLane) openBoss(ctx context.Context, postgres string) (undo []func() error, err error) {
	var shop string
	drop, err := l.database(ctx, postgres, &shop)
	if err != nil {
		return nil, err
	}
	undo = append(undo, drop)
	if l.boss, err = l.startBoss(ctx, shop, l.bossTakes); err != nil {
		return undo, err
	}
	return append(undo, func() error { l.boss.kill(); return nil }), nil
}

// openAs gives the lane a database as another has it, in which nobody has called yet.
func (l *killLane) openAs(ctx context.Context, postgres string, other *killLane) (undo []func() error, err error) {
	drop, err := l.copyOf(ctx, postgres, other.hotel, &l.hotel)
	if err != nil {
		return nil, err
	}
	return []func() error{drop}, nil
}

// attack lets callers order and kills the server where next says; at the end one lives that
// has time for what the dead have left.
func (l *killLane) attack(ctx context.Context, next func() (crash.Point, bool), done func(kill)) error {
	if l.standby != "" {
		standby, err := l.serve(ctx, l.standby, l.app, "")
		if err != nil {
			return err
		}
		defer standby.stop()
	}
	calling, hangUp := context.WithCancel(ctx)
	var callers sync.WaitGroup
	defer callers.Wait()
	defer hangUp()
	for i := range l.callers {
		callers.Go(func() { l.order(ctx, calling, i) })
	}
	for point, more := next(); more; point, more = next() {
		k, err := l.killOne(ctx, point)
		if err != nil {
			return err
		}
		l.deaths = append(l.deaths, k)
		done(k)
	}
	server, err := l.serve(ctx, l.app, "", "")
	if err != nil {
		return err
	}
	defer server.stop()
	hangUp() // no further calls; those under way go on to their end
	callers.Wait()
	return l.settle(ctx)
}

// killOne starts a server and sees it die. Where there is a standby the next one comes only
// when that has the callers.
func (l *killLane) killOne(ctx context.Context, point crash.Point) (kill, error) {
	server, err := l.serve(ctx, l.app, "", l.pass(point))
	if err != nil {
		return kill{}, err
	}
	l.mu.Lock()
	l.since = time.Now()
	l.mu.Unlock()
	k, err := l.kill(ctx, server, point)
	if err != nil {
		server.kill()
		return k, err
	}
	if l.standby != "" {
		within, cancel := context.WithTimeout(ctx, takenOverIn)
		defer cancel()
		left := l.onTheLine(k.At)
		poll(within, func() bool {
			for _, c := range left {
				if !c.spokenTo(k.At) {
					return false
				}
			}
			return true
		})
	}
	return k, nil
}

// pass is the setting that kills at one of the first passes of a point. Steps are many more
// than orders. "" is for a random instant.
func (l *killLane) pass(p crash.Point) string {
	if p == "" {
		return ""
	}
	n := 1 + l.random.IntN(3)
	if p == crash.CallDecided || p == crash.CallRecorded {
		n = 40 + l.random.IntN(80)
	}
	return fmt.Sprintf("%s:%d", p, n)
}

const (
	// pointLimit is how long a server may take until it passes the point at which it dies.
	pointLimit = 40 * time.Second
	// someOrder is how long a kill waits for an order to be in flight.
	someOrder = 20 * time.Second
	// takenOverIn is when the next server comes although the standby has not all callers: more
	// than any may be in silence.
	takenOverIn = 20 * time.Second
)

// kill waits for the death of the server at a point, or kills it at a random instant while
// an order is in flight.
func (l *killLane) kill(ctx context.Context, server *attacked, point crash.Point) (kill, error) {
	limit := someOrder
	if point != "" {
		limit = pointLimit
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	k := kill{Point: point}
	if point == "" {
		poll(within, func() bool { return l.inFlight() > 0 })
		later := time.NewTimer(time.Duration(l.random.Int64N(int64(l.bossTakes))))
		defer later.Stop()
		select {
		case <-later.C:
		case <-server.ended:
			return k, fmt.Errorf("the server has ended by itself: see %s", server.log)
		case <-ctx.Done():
			return k, ctx.Err()
		}
	} else {
		select {
		case <-server.ended:
		case <-within.Done():
			k.Missed = true
		}
	}
	k.At, k.InFlight = time.Now(), l.inFlight()
	server.kill()
	return k, ctx.Err()
}

// poll waits for a condition of this process, and gives up when ctx ends.
func poll(ctx context.Context, met func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// recent are the calls that may be under way. Callers hold mu.
func (l *killLane) recent() []*orderCall { return l.calls[max(0, len(l.calls)-3*l.callers):] }

// inFlight counts the orders that have been confirmed to the present server and whose callers
// have not heard what came of them. Those that an earlier one has left are not its own, nor
// are those of callers whom a standby has.
func (l *killLane) inFlight() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.recent() {
		if c.waiting(l.since) && (l.standby == "" || c.Answered.After(l.since)) {
			n++
		}
	}
	return n
}

// onTheLine are the calls that came to the present server and were up at a time.
func (l *killLane) onTheLine(at time.Time) (there []*orderCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.recent() {
		if c.Answered.After(l.since) && c.up(at) {
			there = append(there, c)
		}
	}
	return there
}

func (l *killLane) called() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// serve starts a server as an application, standby for another ("": for none), which dies at
// a pass of a point ("": of none).
func (l *killLane) serve(ctx context.Context, app, standbyFor, crashAt string) (*attacked, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := l.launch(app, addr, []string{
		"HTTP_ADDR=" + addr, "ARI_APP=" + app, "DATABASE_URL=" + l.hotel, "SPOOL=" + filepath.Join(l.dir, "spool-"+app),
		"BOSS=http://" + l.boss.addr + "/tmf-api", "BOSS_TOKEN_FILE=", "CDR_FILE=", "STANDBY_FOR=" + standbyFor, "DRAIN=1s", "NUMBER_LIMITS=off", "IVR_CRASH_AT=" + crashAt,
	}, "serve")
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, "/readyz"); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// published waits until what a server serves is in Postgres, and gives its version.
func (p *attacked) published(ctx context.Context) (release string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLong)
	defer cancel()
	poll(ctx, func() bool {
		select {
		case <-p.ended:
			return true
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/status", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var is serverState
		if json.NewDecoder(resp.Body).Decode(&is) == nil && is.Status.Menus.Live.Seq > 0 {
			release = is.Status.Menus.Live.Release
		}
		return release != ""
	})
	if release == "" {
		return "", fmt.Errorf("the server has not published its menus: see %s", p.log)
	}
	return release, nil
}
