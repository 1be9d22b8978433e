// Package sandbox is a real little BOSS: subscribers with a brand, a balance,
// open services and a service password, a catalogue with prices, and a ledger in
// which every order acts once by its key. It lives in its own Postgres schema, answers
// truthfully, and can be told to be slow, to fail and to lose answers.
//
// It is a BOSS, not a mock of one: it decides by its data, keeps it over
// restarts, and goes on with a request whose asker has stopped waiting. It
// refuses to know anything of the hotline: no call, no application, no table of
// ours. As a BOSS does, it stores real numbers; passwords and identity numbers it
// keeps hashed, and gives to nobody.
package sandbox

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"

	"hotline/internal/orders"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaLock serialises the creation of the schema itself; everything in it is
// made under tern's own lock. The number is arbitrary.
const schemaLock = 7_215_608_641

// workLimit bounds the database work on one request, apart from a delay it was
// told to make. Past it the request is rolled back: it can no longer act.
const workLimit = 10 * time.Second

// Boss is the sandbox. It is safe for concurrent use, by any number of processes.
type Boss struct {
	pool *pgxpool.Pool

	mu     sync.Mutex // guards closed, and that no work begins after it
	closed bool
	work   sync.WaitGroup

	closing chan struct{} // closed with closed: ends the delays that it was told to make
}

// Open brings the schema up to date and opens the BOSS on it. The pool stays
// the caller's, who closes it after the Boss.
func Open(ctx context.Context, pool *pgxpool.Pool) (*Boss, error) {
	if err := Migrate(ctx, pool); err != nil {
		return nil, err
	}
	return New(pool), nil
}

// New opens the BOSS on a schema that Migrate brings, or has brought, up to date. It needs no
// Postgres yet: without it the BOSS is unavailable.
func New(pool *pgxpool.Pool) *Boss {
	return &Boss{pool: pool, closing: make(chan struct{})}
}

// Migrate brings the schema up to date.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("open the sandbox BOSS: %w", err)
	}
	defer conn.Release()
	if err := migrateSchema(ctx, conn.Conn()); err != nil {
		return fmt.Errorf("migrate the sandbox BOSS: %w", err)
	}
	return nil
}

func migrateSchema(ctx context.Context, conn *pgx.Conn) error {
	// Two sessions that create a schema at once fail each other, even with "if not exists".
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", schemaLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "create schema if not exists sandbox")
		return err
	})
	if err != nil {
		return err
	}
	m, err := migrate.NewMigrator(ctx, conn, "sandbox.schema_version")
	if err != nil {
		return err
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := m.LoadMigrations(dir); err != nil {
		return err
	}
	return m.Migrate(ctx)
}

// Capabilities: the ledger makes orders idempotent, it can be looked up, and the catalogue has prices.
func (b *Boss) Capabilities() orders.Capabilities {
	return orders.Capabilities{Idempotent: true, Queryable: true, Prices: true}
}

// Close stops taking requests and waits until those under way are done, or ctx
// ends. Its error then says that some still were. What a fault delays is done at
// once: a demonstration is not worth a stop that takes as long.
func (b *Boss) Close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the last request, each of which is bounded
		b.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the sandbox BOSS with requests under way: %w", ctx.Err())
	}
}

// reply is what a request comes to at the BOSS.
type reply struct {
	answer orders.Answer
	err    error
}

// request is one request on its way: which faults may meet it, and what the
// BOSS does with it.
type request struct {
	op     Operation
	caller orders.MSISDN // zero: only faults for everybody
	act    func(context.Context) (orders.Answer, error)
}

// send carries a request to the BOSS and waits for its answer. The BOSS works
// on a request that has arrived to its end: as over any network, ctx bounds
// only how long the asker waits.
func (b *Boss) send(ctx context.Context, r request) (orders.Answer, error) {
	if err := ctx.Err(); err != nil {
		return orders.Answer{}, errors.Join(orders.ErrNotSent, err)
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return orders.Answer{}, fmt.Errorf("sandbox is closed: %w", orders.ErrNotSent)
	}
	b.work.Add(1)
	b.mu.Unlock()

	replies := make(chan reply, 1)
	go func() {
		defer b.work.Done()
		var rep reply
		rep.answer, rep.err = b.handle(context.WithoutCancel(ctx), r)
		replies <- rep
	}()
	select {
	case rep := <-replies:
		return rep.answer, rep.err
	case <-ctx.Done():
		return orders.Answer{}, errors.Join(orders.ErrAnswerLost, ctx.Err())
	}
}

// handle is the BOSS's side of a request: the fault that it was told to have, if
// any, then the work.
func (b *Boss) handle(ctx context.Context, r request) (orders.Answer, error) {
	f, err := b.takeFault(ctx, r.op, r.caller)
	if err != nil {
		return orders.Answer{}, fmt.Errorf("read the faults for a %s: %w", r.op, errors.Join(orders.ErrNotSent, err))
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-b.closing:
		}
	}
	switch f.Mode {
	case Unavailable:
		return orders.Answer{}, fmt.Errorf("sandbox told to be unavailable: %w", orders.ErrNotSent)
	case LoseRequest:
		return orders.Answer{}, fmt.Errorf("sandbox told to lose the request: %w", orders.ErrAnswerLost)
	case Fail:
		if r.op == OpLookup { // an answer would be the order's
			return orders.Answer{}, errors.New("sandbox told to fail")
		}
		failed := orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}
		return orders.Answer{Result: failed, BossRef: "told to fail"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	answer, err := r.act(ctx)
	if f.Mode == LoseAnswer {
		return orders.Answer{}, fmt.Errorf("sandbox told to lose the answer: %w", orders.ErrAnswerLost)
	}
	return answer, err
}
