package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// point is a place in the writer's work where a test may stop it, as a crash would.
type point string

const (
	beforeCopy       point = "before copy"
	beforeAbsorb     point = "before absorb"
	beforeCommit     point = "before commit"
	beforeCheckpoint point = "before checkpoint"
)

// errStopped is what a test's fault gives: the writer ends at once.
var errStopped = errors.New("stopped by a fault")

// writer brings the spool's records into Postgres. It is one goroutine, which
// Open starts and Close waits for.
type writer struct {
	j     *Journal
	tail  *tail
	delay time.Duration
	fault func(point) error

	conn *pgxpool.Conn // with the staging table; nil after an error
	copy []byte        // the batch in the format of COPY
	last bool          // the journal takes no more steps: what is read now is all

	warned bool // of a checkpoint that cannot be written
}

const (
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	batchTimeout = 30 * time.Second
)

// run delivers until it is abandoned, or asked to close and nothing is left.
func (w *writer) run(ctx context.Context) {
	defer w.release()
	defer func() {
		if err := w.tail.close(); err != nil {
			w.j.log.Warn(unnotedWarning, "error", err)
		}
	}()
	backoff := minBackoff
	for ctx.Err() == nil {
		more, err := w.deliver(ctx)
		switch {
		case errors.Is(err, errStopped):
			return
		case err != nil:
			w.release()
			w.j.metrics.failures.Inc()
			w.j.log.Warn("journal batch failed, will be tried again", "waiting", w.j.waiting(), "error", err)
			pause(ctx, backoff/2+rand.N(backoff))
			backoff = min(2*backoff, maxBackoff)
		case more:
			backoff = minBackoff
		default:
			backoff = minBackoff
			if !w.idle(ctx) {
				return
			}
		}
	}
}

// idle waits for new records and then a little longer, so that they come in
// batches. It gives false when the journal is closing and all is delivered.
func (w *writer) idle(ctx context.Context) bool {
	if w.last {
		return false
	}
	select {
	case <-w.j.closing:
		w.last = true
		return true // for what was appended before it closed
	case <-ctx.Done():
		return false
	case <-w.j.spool.wake:
	}
	select {
	case <-w.j.closing:
	case <-ctx.Done():
	case <-time.After(w.delay):
	}
	return true
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// deliver brings the next batch into Postgres; more says that there was one.
func (w *writer) deliver(ctx context.Context) (more bool, err error) {
	records, damage, err := w.tail.read()
	if err != nil {
		return false, err
	}
	if damage != nil {
		lost, err := w.tail.setAside()
		if err != nil {
			return false, err
		}
		w.j.delivered.Add(lost)
		w.j.metrics.damaged.Inc()
		w.j.log.Error("journal segment set aside", "steps", lost, "error", damage)
		return true, nil
	}
	if len(records) == 0 {
		w.j.oldest.Store(0)
		return false, nil
	}
	w.j.oldest.Store(records[0].at)
	if err := w.write(ctx, records); err != nil {
		return false, err
	}
	if err := w.at(beforeCheckpoint); err != nil {
		return false, err
	}
	w.tail.acknowledge(time.Now())
	w.j.delivered.Add(int64(len(records)))
	w.warn()
	return true, nil
}

// warn says once that the checkpoint cannot be written.
func (w *writer) warn() {
	err := w.tail.unnoted
	if err != nil && !w.warned {
		w.j.log.Warn(unnotedWarning, "error", err)
	}
	w.warned = err != nil
}

// unnotedWarning: nothing is lost by it.
const unnotedWarning = "journal checkpoint not written: after a restart steps are delivered again"

// write stores the records. Those that Postgres finds impossible are put aside
// one by one, so that one bad record does not keep back all later ones.
func (w *writer) write(ctx context.Context, records []record) error {
	err := w.transact(ctx, records)
	if !isDataError(err) {
		return err
	}
	if len(records) == 1 {
		return w.reject(records[0], err)
	}
	half := len(records) / 2
	if err := w.write(ctx, records[:half]); err != nil {
		return err
	}
	return w.write(ctx, records[half:])
}

// isDataError tells errors that the data are to blame for, and that trying again
// does not cure: SQLSTATE classes 22 (data exception), 23 (constraint) and our own.
func isDataError(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "IV":
		return true
	}
	return false
}

func (w *writer) reject(r record, cause error) error {
	f, err := os.OpenFile(filepath.Join(w.j.spool.dir, "rejected"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("put a rejected step aside: %w", err)
	}
	defer f.Close()
	line := fmt.Sprintf("%x %d %d %s %q %s\n", r.call, r.seq, r.at, kindNames[r.kind], r.node, r.detail)
	if _, err := f.WriteString(line); err != nil {
		return fmt.Errorf("put a rejected step aside: %w", err)
	}
	w.j.metrics.rejected.Inc()
	w.j.log.Error("journal step rejected", "call", fmt.Sprintf("%x", r.call), "kind", kindNames[r.kind], "error", cause)
	return nil
}

func (w *writer) at(p point) error {
	if w.fault == nil {
		return nil
	}
	return w.fault(p)
}

// connect gives the writer its connection, with the staging table.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.j.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to write the journal: %w", err)
	}
	_, err = conn.Exec(ctx, `create temp table if not exists ivr_staging (
		call_id uuid, seq integer, at timestamptz, kind text, node text, detail jsonb) on commit delete rows`)
	if err != nil {
		conn.Release()
		return fmt.Errorf("make the journal's staging table: %w", err)
	}
	w.conn = conn
	return nil
}

func (w *writer) release() {
	if w.conn != nil {
		w.conn.Release()
		w.conn = nil
	}
}

// transact stores the records, all or none.
func (w *writer) transact(ctx context.Context, records []record) error {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	begin := time.Now()
	if err := w.connect(ctx); err != nil {
		return err
	}
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin a journal batch: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // does nothing after Commit
	if err := w.at(beforeCopy); err != nil {
		return err
	}
	w.copy = appendCopy(w.copy[:0], records)
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(w.copy), "copy ivr_staging from stdin (format binary)"); err != nil {
		return fmt.Errorf("copy %d steps: %w", len(records), err)
	}
	if err := w.at(beforeAbsorb); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "select kind, outcome, detail, test, n from ivr.absorb($1)", w.j.server)
	if err != nil {
		return fmt.Errorf("absorb %d steps: %w", len(records), err)
	}
	fresh, closings, err := collect(rows)
	if err != nil {
		return fmt.Errorf("absorb %d steps: %w", len(records), err)
	}
	if err := w.at(beforeCommit); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit %d steps: %w", len(records), err)
	}
	w.j.metrics.batch.Observe(time.Since(begin).Seconds())
	w.j.metrics.steps.Add(float64(fresh))
	w.j.count(closings)
	return nil
}

// closing is a number of applications that ended alike.
type closing struct {
	kind, outcome, detail string
	test                  bool
	n                     int64
}

// collect reads what ivr.absorb and ivr.sweep give: the row without a kind is a total.
func collect(rows pgx.Rows) (total int64, closings []closing, err error) {
	var kind, outcome, detail *string
	var test *bool
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&kind, &outcome, &detail, &test, &n}, func() error {
		if kind == nil {
			total = n
			return nil
		}
		closings = append(closings, closing{*kind, *outcome, *detail, *test, n})
		return nil
	})
	return total, closings, err
}

func (j *Journal) count(closings []closing) {
	for _, c := range closings {
		j.metrics.closed.WithLabelValues(c.kind, c.outcome, c.detail, strconv.FormatBool(c.test)).Add(float64(c.n))
	}
}

// copyHead begins a binary COPY: signature, flags, no extension (PostgreSQL, COPY, "Binary Format").
var copyHead = "PGCOPY\n\xff\r\n\x00" + strings.Repeat("\x00", 8)

// postgresEpoch is 2000-01-01 UTC, from which Postgres counts, in µs since 1970.
const postgresEpoch = 946684800 * 1_000_000

// appendCopy writes the records as rows of ivr_staging. pgx could do it from Go
// values, at several times the cost of all else that a step takes.
func appendCopy(b []byte, records []record) []byte {
	b = append(b, copyHead...)
	for _, r := range records {
		kind := kindNames[r.kind]
		b = binary.BigEndian.AppendUint16(b, 6)
		b = binary.BigEndian.AppendUint32(b, 16)
		b = append(b, r.call...)
		b = binary.BigEndian.AppendUint32(b, 4)
		b = binary.BigEndian.AppendUint32(b, r.seq)
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(r.at-postgresEpoch))
		b = binary.BigEndian.AppendUint32(b, uint32(len(kind)))
		b = append(b, kind...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.node)))
		b = append(b, r.node...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.detail)+1))
		b = append(b, 1) // version of jsonb's binary form
		b = append(b, r.detail...)
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}
