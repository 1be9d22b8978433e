package releases

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Publication is one time that a release was made live.
type Publication struct {
	Seq     int64     `json:"seq"` // ascending; 0 where Postgres does not have it (yet)
	Release string    `json:"release"`
	BackTo  int64     `json:"back_to,omitempty"` // what a rollback went back to; 0 is a publication
	Author  string    `json:"author"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
	Live    bool      `json:"live"` // it is the last one
}

// The refusals of a Store that its callers tell apart.
var (
	ErrNone      = errors.New("nothing has been published yet")
	ErrUnknown   = errors.New("no such version")
	ErrAmbiguous = errors.New("several versions begin like this")
	ErrOvertaken = errors.New("something else was published meanwhile")
)

// Store has the releases in Postgres, with their sounds (migrations/006_releases.sql,
// 007_prompts.sql).
type Store struct{ pool *pgxpool.Pool }

// NewStore takes a pool whose database has been migrated.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool} }

// patience bounds one question to Postgres: menus are served without it.
const patience = 3 * time.Second

const columns = "p.seq, p.release, coalesce(p.back_to, 0), p.author, p.note, p.at"

func scan(row pgx.Row) (Publication, error) {
	var p Publication
	err := row.Scan(&p.Seq, &p.Release, &p.BackTo, &p.Author, &p.Note, &p.At)
	return p, err
}

// Live is the publication that holds now; ErrNone before the first.
func (s *Store) Live(ctx context.Context) (Publication, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := live(ctx, s.pool)
	if err != nil && !errors.Is(err, ErrNone) {
		err = fmt.Errorf("ask which version is live: %w", err)
	}
	return p, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func live(ctx context.Context, db querier) (Publication, error) {
	p, err := scan(db.QueryRow(ctx, "select "+columns+" from ivr.publications p order by seq desc limit 1"))
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNone
	}
	p.Live = true
	return p, err
}

// Known tells whether a release has ever been published; one that was only staged has not.
func (s *Store) Known(ctx context.Context, release string) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = s.pool.QueryRow(ctx, "select exists (select from ivr.publications where release = $1)", release).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("ask for version %s: %w", release, err)
	}
	return known, nil
}

// anything is the after of a publication that does not mind what is live.
const anything = -1

// Publish makes a snapshot live, and gives the publication that holds then. Where
// it is live already nothing is added, unless there is a note to add. It is heard with what was
// staged with it before; without, with what the first server makes that serves it.
func (s *Store) Publish(ctx context.Context, snap *Snapshot, author, note string) (Publication, error) {
	return s.publish(ctx, snap, author, note, anything, note != "")
}

// publish is Publish for one who has seen publication after as the last: what came
// later is newer than the snapshot, and is ErrOvertaken.
func (s *Store) publish(ctx context.Context, snap *Snapshot, author, note string, after int64, again bool) (p Publication, err error) {
	err = s.locked(ctx, func(ctx context.Context, tx pgx.Tx) error {
		now, err := live(ctx, tx)
		if err != nil && !errors.Is(err, ErrNone) {
			return err
		}
		if now.Release == snap.Release && !again {
			p = now
			return nil
		}
		if after != anything && now.Seq > after {
			return ErrOvertaken
		}
		if _, err := tx.Exec(ctx, "insert into ivr.releases (release, content) values ($1, $2) on conflict do nothing", snap.Release, snap.data); err != nil {
			return err
		}
		p, err = add(ctx, tx, snap.Release, 0, author, note)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("publish version %s: %w", snap.Release, err)
	}
	return p, nil
}

// TakeBack makes an older version live again: the one whose name begins like this,
// or, for "", the one that was published before what is live now. Taking back twice
// goes back two versions.
func (s *Store) TakeBack(ctx context.Context, release, author, note string) (Publication, error) {
	return s.takeBack(ctx, release, author, note, "")
}

// takeBack is TakeBack for one who means a version as the live one, "": whichever it is. Where
// another has been made live since, that stays: ErrOvertaken.
func (s *Store) takeBack(ctx context.Context, release, author, note, meant string) (p Publication, err error) {
	err = s.locked(ctx, func(ctx context.Context, tx pgx.Tx) error {
		now, err := live(ctx, tx)
		if err != nil {
			return err
		}
		if meant != "" && now.Release != meant {
			return ErrOvertaken
		}
		to, err := earlier(ctx, tx, now, release)
		if err != nil || to.Release == now.Release {
			p = now
			return err
		}
		p, err = add(ctx, tx, to.Release, to.Seq, author, note)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("take back the menus: %w", err)
	}
	return p, nil
}

// earlier finds the publication to go back to. Rollbacks are seen through: what
// counts is the publication that they went back to.
func earlier(ctx context.Context, tx pgx.Tx, now Publication, release string) (Publication, error) {
	var row pgx.Row
	if release == "" {
		from := now.Seq
		if now.BackTo > 0 {
			from = now.BackTo
		}
		row = tx.QueryRow(ctx, "select "+columns+` from ivr.publications p
			where back_to is null and seq < $1 and release <> $2 order by seq desc limit 1`, from, now.Release)
	} else {
		full, err := named(ctx, tx, release)
		if err != nil {
			return Publication{}, err
		}
		row = tx.QueryRow(ctx, "select "+columns+` from ivr.publications p
			where back_to is null and release = $1 order by seq desc limit 1`, full)
	}
	p, err := scan(row)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fmt.Errorf("nothing was published before %s", now.Release)
	}
	return p, err
}

// named completes the name of a published release from its beginning.
func named(ctx context.Context, db querier, beginning string) (string, error) {
	rows, err := db.Query(ctx, `select release from ivr.releases r where starts_with(release, $1)
		and exists (select from ivr.publications p where p.release = r.release) order by release limit 6`, strings.ToLower(beginning))
	if err != nil {
		return "", err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return "", err
	case len(all) == 0 || beginning == "":
		return "", fmt.Errorf("%w %q (see 'ivr versions')", ErrUnknown, beginning)
	case len(all) > 1:
		return "", fmt.Errorf("%w: %s", ErrAmbiguous, strings.Join(all, ", "))
	}
	return all[0], nil
}

// locked runs f in a transaction, one at a time among all servers.
func (s *Store) locked(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('ivr.publications'))"); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}

func add(ctx context.Context, tx pgx.Tx, release string, backTo int64, author, note string) (Publication, error) {
	p, err := scan(tx.QueryRow(ctx, `insert into ivr.publications as p (release, back_to, author, note)
		values ($1, nullif($2, 0), $3, $4) returning `+columns, release, backTo, author, note))
	p.Live = true
	return p, err
}

// List gives the last publications, the newest first; limit 0 is all of them.
func (s *Store) List(ctx context.Context, limit int) ([]Publication, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select "+columns+" from ivr.publications p order by seq desc limit nullif($1, 0)", limit)
	if err != nil {
		return nil, fmt.Errorf("list the versions: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Publication, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("list the versions: %w", err)
	}
	if len(all) > 0 {
		all[0].Live = true
	}
	return all, nil
}

// Open gives the files of a version; the beginning of its name is enough where only
// one begins so.
func (s *Store) Open(ctx context.Context, release string) (*Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	full, err := named(ctx, s.pool, release)
	if err != nil {
		return nil, fmt.Errorf("open version %s: %w", release, err)
	}
	var data []byte
	if err := s.pool.QueryRow(ctx, "select content from ivr.releases where release = $1", full).Scan(&data); err != nil {
		return nil, fmt.Errorf("open version %s: %w", full, err)
	}
	snap, err := unpack(data)
	if err == nil && snap.Release != full {
		err = fmt.Errorf("its content is that of %s", snap.Release)
	}
	if err != nil {
		return nil, fmt.Errorf("open version %s: %w", full, err)
	}
	return snap, nil
}

// Watch sends to changed, without waiting, after everything that anybody stages or publishes, as
// soon as Postgres tells of it, until ctx ends. It is a shortcut only: where the connection is lost,
// whoever looks again after a second finds the same.
func (s *Store) Watch(ctx context.Context, changed chan<- struct{}) {
	for ctx.Err() == nil {
		_ = s.listen(ctx, changed) // the connection was lost; whoever looks will say so
		select {
		case <-time.After(retryListen):
		case <-ctx.Done():
		}
	}
}

const retryListen = 5 * time.Second

func (s *Store) listen(ctx context.Context, changed chan<- struct{}) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that listens is of no use to others.
	own := conn.Hijack()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = own.Close(closing)
	}()
	if _, err := own.Exec(ctx, "listen ivr_publications; listen ivr_sounds"); err != nil {
		return err
	}
	for {
		if _, err := own.WaitForNotification(ctx); err != nil {
			return err
		}
		select {
		case changed <- struct{}{}:
		default: // it is to look already
		}
	}
}
