// Package bench compares the hotline with the same walk through native menus of
// Asterisk's dialplan: what a call costs each of them, and how long a caller waits
// from a key to the next prompt.
//
//	script, err := bench.Write(tree, catalog, "3 # 1 # 3")
//	conf, err := script.Dialplan() // into Asterisk's extensions.d
//	result, err := bench.Run(ctx, bench.Options{Script: script, Caller: caller, …})
//
// The two are called in turn, in short batches, so that whatever else the machine
// does hits both. A third kind of batch is the floor: the same audio without any
// menu. Every call must go as the script says, and each one to the hotline must be
// whole in the journal.
//
// It refuses to judge speed: it measures, and only a call that did not go as
// written is a failure. It starts no server and no Asterisk.
package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

// Arm is one of the things that are compared.
type Arm string

// The arms.
const (
	Native  Arm = "native"  // menus of the dialplan
	Hotline Arm = "hotline" // the server
	Media   Arm = "media"   // the audio alone: the floor of both
)

// Options say what is called, and how often. All of them are required, but for
// Live, Idle and Progress.
type Options struct {
	Script  *Script
	Caller  *dialtest.Caller
	DB      *pgxpool.Pool // the journal
	Meter   Meter
	Hotline string  // the number dialled for it
	App     string  // the application that serves it, as the server was told in ARI_APP
	Rate    float64 // calls a second
	Calls   int     // of each arm
	Batch   int     // calls in a row to one arm
	// Live is how many further calls are held in the second half, placed by Idle, to
	// show what they cost those that do something.
	Live int
	Idle *dialtest.Caller
	// Progress is told of every call that has ended.
	Progress func(Progress)
}

// Progress is how far a run has got.
type Progress struct {
	What        string // e.g. "native"
	Done, Total int    // calls of the whole run
}

const (
	// listen is how much of an announcement a caller hears before it presses the next
	// key, and after the last one before it hangs up.
	listen = 600 * time.Millisecond
	keyFor = 100 * time.Millisecond
	warmUp = 10 // calls of each arm that do not count, at most
	// storedIn is how long the journal may take to be in Postgres.
	storedIn = 15 * time.Second
)

// run is one run of the benchmark.
type run struct {
	Options
	same   map[string]string // recordings of one content have one name
	lasted time.Duration     // of a call that walks, for the floor to last as long
	number int               // calls placed, for their callers' numbers
	done   int
	total  int
	result *Result
}

// Run places the calls. The error is of the run; what went wrong with calls is in
// the Result.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &run{Options: o, result: &Result{Keys: o.Script.Keys, Rate: o.Rate, Calls: o.Calls, Batch: o.Batch, Live: o.Live}}
	if r.Progress == nil {
		r.Progress = func(Progress) {}
	}
	if err := r.join(); err != nil {
		return nil, err
	}
	rounds := (o.Calls + o.Batch - 1) / o.Batch
	warm := min(warmUp, o.Batch)
	r.total = 3 * (o.Calls + warm)
	if o.Live > 0 {
		r.total += 2 * o.Calls
	}
	for _, arm := range []Arm{Native, Hotline, Media} {
		if _, err := r.batch(ctx, arm, warm); err != nil {
			return nil, err
		}
	}
	if err := r.rounds(ctx, rounds, []Arm{Native, Hotline, Media}, &r.result.Quiet); err != nil {
		return nil, err
	}
	if o.Live > 0 {
		if err := r.withLive(ctx, rounds); err != nil {
			return nil, err
		}
	}
	r.result.sum()
	return r.result, nil
}

// join finds the recordings of this script that sound alike: which one of them was
// heard, nobody can tell.
func (r *run) join() error {
	r.same = map[string]string{}
	var known []string
	content := map[string][]byte{}
	for _, a := range r.Script.Says {
		id := a.Prompts[0]
		audio, err := os.ReadFile(a.Files[0] + ".alaw")
		if err != nil {
			return fmt.Errorf("read the audio of prompt %s: %w", id, err)
		}
		content[id] = audio
		known = append(known, id)
	}
	for _, id := range known {
		for _, other := range known {
			if bytes.Equal(content[id], content[other]) {
				r.same[id] = other
				break
			}
		}
	}
	return nil
}

// rounds calls every arm in turn; the first of a round is another one each time.
func (r *run) rounds(ctx context.Context, n int, arms []Arm, into *Half) error {
	left := r.Calls
	for i := range n {
		calls := min(left, r.Batch)
		left -= calls
		for k := range arms {
			b, err := r.batch(ctx, arms[(i+k)%len(arms)], calls)
			if err != nil {
				return err
			}
			idle := into.idle.times(b.Took.Seconds())
			idle.Others = 0 // those are not there because of the held calls
			b.CPU = b.CPU.minus(idle)
			into.batches = append(into.batches, b)
		}
	}
	return nil
}

// batch places calls to one arm and waits until they are over and in the journal.
func (r *run) batch(ctx context.Context, arm Arm, calls int) (*batch, error) {
	b := &batch{Arm: arm, Calls: calls, since: time.Now()}
	before, err := r.Meter.Read()
	if err != nil {
		return nil, err
	}
	plan := dialtest.Plan{Rate: r.Rate, N: calls, Linger: listen}
	walk := dialtest.Walk{Keys: dialtest.Each(r.Script.Keys), Listen: listen, Length: keyFor, Patience: 10 * time.Second}
	to := map[Arm]string{Native: nativeExten, Hotline: r.Hotline, Media: mediaExten}[arm]
	if arm == Media {
		walk.Keys, plan.Linger = nil, r.lasted
	}
	first := r.number
	plan.Call = func(n int) (dialtest.Call, dialtest.Walk) {
		return dialtest.Call{From: caller(first + n), To: to, App: r.App}, walk
	}
	r.Caller.Load(ctx, plan, func(rec dialtest.Record) {
		b.take(rec, r.wrong(arm, rec))
		r.done++
		r.Progress(Progress{string(arm), r.done, r.total})
	})
	r.number += calls
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if arm == Native && len(b.lasted) > 0 {
		r.lasted = mean(b.lasted)
	}
	if arm == Hotline {
		err = r.stored(ctx, b)
	}
	b.Took = time.Since(b.since)
	after, meterErr := r.Meter.Read()
	if meterErr != nil {
		return nil, meterErr
	}
	b.CPU = after.minus(before)
	// What the journal lacks is in the verdict, once the time has been taken.
	if arm == Hotline && err == nil {
		err = r.verify(ctx, b)
	}
	r.result.note(b)
	return b, err
}

// caller gives every call a number of its own.
func caller(n int) orders.MSISDN {
	from, err := orders.ParseMSISDN(fmt.Sprintf("139%08d", n%100_000_000))
	if err != nil {
		panic(err) // eleven digits
	}
	return from
}

// wrong says what of a call was not as the script says; "" for nothing.
func (r *run) wrong(arm Arm, rec dialtest.Record) string {
	switch {
	case rec.Err != nil:
		return rec.Err.Error()
	case rec.EndedBy != "caller":
		return "the switch hung up"
	case arm == Media:
		return ""
	case len(rec.Keys) != len(r.Script.Keys):
		return fmt.Sprintf("%d keys were pressed", len(rec.Keys))
	}
	for i, k := range rec.Keys {
		want := r.Script.Says[i+1].Prompts[0]
		if k.Next != want && r.name(k.Next) != r.name(want) {
			return fmt.Sprintf("upon key %d (%s) %q was heard, not %q", i+1, k.Key, k.Next, want)
		}
	}
	return ""
}

func (r *run) name(id string) string {
	if one, ok := r.same[id]; ok {
		return one
	}
	return id
}

// withLive does the rounds again while further calls are up that do nothing.
func (r *run) withLive(ctx context.Context, rounds int) error {
	held, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	var faults []string // of the goroutine, until over is closed
	go func() {
		defer close(over)
		r.Idle.Load(held, dialtest.Plan{Rate: r.Rate, N: r.Live, Linger: time.Hour,
			Call: func(n int) (dialtest.Call, dialtest.Walk) {
				return dialtest.Call{From: caller(50_000_000 + n), To: HoldNumber, App: r.App}, dialtest.Walk{}
			}}, func(rec dialtest.Record) {
			if held.Err() == nil {
				faults = append(faults, fmt.Sprintf("a held call ended early: %v", rec.Err))
			}
		})
	}()
	defer func() {
		stop()
		<-over
		for _, f := range faults {
			r.result.fault(f)
		}
	}()
	r.Progress(Progress{fmt.Sprintf("placing %d calls to hold", r.Live), r.done, r.total})
	if err := r.settle(ctx); err != nil {
		return err
	}
	return r.rounds(ctx, rounds, []Arm{Native, Hotline}, &r.result.Busy)
}

// settle waits until all held calls are up and silent, and measures what they cost
// by being there.
func (r *run) settle(ctx context.Context) error {
	const silent, measured = 8 * time.Second, 5 * time.Second
	if err := pause(ctx, time.Duration(float64(r.Live)/r.Rate*float64(time.Second))+silent); err != nil {
		return err
	}
	before, err := r.Meter.Read()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pause(ctx, measured); err != nil {
		return err
	}
	after, err := r.Meter.Read()
	r.result.Busy.idle = after.minus(before).times(1 / time.Since(began).Seconds())
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
