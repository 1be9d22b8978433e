// Package journal records calls, steps and applications, and answers what came of
// them. A call appends its steps to the spool, a folder of files, with one write
// before the effects leave; one writer reads the spool and brings the steps into
// Postgres in batches, where calls and applications are derived from them.
//
//	c := j.Begin(head)
//	c.Event(now, event, secret)     // what came in
//	c.Effect(now, effect)           // each thing the Machine wants
//	err := c.Flush()                // then let the effects leave
//
// So a killed process loses nothing that a caller has heard, and a slow or absent
// Postgres never makes a caller wait: steps pile up in the spool and are
// delivered later. Delivering twice is harmless.
//
// It refuses to decide: outcomes come from the Machine (app_closed), from the Desk
// for applications with an order (ivr.resolve_order), and from the sweeper for
// what a dead server left. It never stores a caller's number but sealed, nor a
// secret digit at all.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a Journal needs. All but SpoolBytes are required.
type Options struct {
	Pool       *pgxpool.Pool // one of its connections is the writer's for good
	Dir        string        // the spool; one process at a time
	Server     string        // this instance's name, the same after a restart
	SpoolBytes int64         // bound of the spool; 0 is 1 GiB
	Sealer     *Sealer
	Live       func() []uuid.UUID // the calls that this server has now, adopted ones included
	Log        *slog.Logger
	Registerer prometheus.Registerer

	segmentBytes int64             // of the spool; tests make it small
	fault        func(point) error // tests stop the writer at a point
	delay        time.Duration     // how long the writer waits for more steps
}

const (
	defaultSpoolBytes   = 1 << 30
	defaultSegmentBytes = 16 << 20
	defaultDelay        = 200 * time.Millisecond
)

// Journal is the record of one server instance.
type Journal struct {
	pool    *pgxpool.Pool
	server  string
	sealer  *Sealer
	live    func() []uuid.UUID
	log     *slog.Logger
	metrics *metrics
	booted  time.Time

	spool  *spool
	writer *writer
	left   int64 // records that earlier runs had left in the spool

	delivered atomic.Int64 // records that the spool no longer needs
	oldest    atomic.Int64 // µs since 1970 of the first record being delivered, 0 for none

	closing chan struct{} // asks the writer to drain
	done    chan struct{} // the writer has ended
	abandon context.CancelFunc
	once    sync.Once
}

// Open takes the spool and starts the writer, which first delivers what earlier
// runs have left. It needs no Postgres: where there is none, steps wait.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.SpoolBytes == 0 {
		o.SpoolBytes = defaultSpoolBytes
	}
	if o.segmentBytes == 0 {
		o.segmentBytes = defaultSegmentBytes
	}
	if o.delay == 0 {
		o.delay = defaultDelay
	}
	j := &Journal{
		pool: o.Pool, server: o.Server, sealer: o.Sealer, live: o.Live, log: o.Log, booted: time.Now(),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	j.metrics = newMetrics()
	spool, leftover, err := openSpool(o.Dir, o.segmentBytes, o.SpoolBytes, j.metrics)
	if err != nil {
		return nil, err
	}
	tail, waiting, err := newTail(spool, leftover)
	if err != nil {
		return nil, errors.Join(err, spool.release())
	}
	j.spool, j.left = spool, waiting
	if err := j.metrics.register(o.Registerer, j); err != nil {
		return nil, errors.Join(err, spool.release())
	}
	j.writer = &writer{j: j, tail: tail, delay: o.delay, fault: o.fault}
	// The writer outlives ctx: what ends it is Close, which lets it drain.
	run, abandon := context.WithCancel(context.WithoutCancel(ctx))
	j.abandon = abandon
	go func() {
		defer close(j.done)
		j.writer.run(run)
	}()
	return j, nil
}

// Close takes no more steps, waits until the writer has delivered all it can
// before ctx ends, and leaves the rest in the spool for the next run. It is an
// error when something was left.
func (j *Journal) Close(ctx context.Context) error {
	var err error
	j.once.Do(func() {
		j.spool.stop()
		close(j.closing)
		select {
		case <-j.done:
		case <-ctx.Done():
		}
		j.abandon()
		<-j.done
		if n := j.waiting(); n > 0 {
			err = fmt.Errorf("close the journal: %d steps stay in the spool for the next start", n)
		}
		err = errors.Join(err, j.spool.release())
	})
	return err
}

// waiting is how many records are in the spool and not in Postgres.
func (j *Journal) waiting() int64 {
	written, _ := j.spool.counts()
	return j.left + written - j.delivered.Load()
}

// lag is the age of the oldest record that is not in Postgres.
func (j *Journal) lag(now time.Time) time.Duration {
	oldest := j.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMicro(oldest)))
}
