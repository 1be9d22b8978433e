// Package outside is what may change for callers without new menus: services that
// ops have closed, notices about services, the language that a caller has chosen
// in an earlier call, and what the BOSS asks for its services. The Store has it in Postgres,
// prices are with the BOSS; a Board keeps all of it in a server's memory, where calls look.
//
// It refuses to make a call wait, or to forget what it knew when Postgres or the BOSS is away.
// Which services and prompts there are is not its business: whoever writes checks that.
package outside

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Switch says whether a service is closed to callers. A service is an id of the
// service catalogue, or what a query looks up.
type Switch struct {
	Service string    `json:"service"`
	Closed  bool      `json:"closed"`
	Reason  string    `json:"reason,omitempty"` // for colleagues; callers hear the phrase service_closed
	Author  string    `json:"author"`
	At      time.Time `json:"at"`
}

// Notice is a prompt that callers hear before a service while it holds.
type Notice struct {
	ID      int64      `json:"id"`
	Service string     `json:"service"`
	Prompt  string     `json:"prompt"`
	Starts  time.Time  `json:"starts"`
	Ends    *time.Time `json:"ends,omitempty"` // nil: until it is withdrawn
	Author  string     `json:"author"`
	At      time.Time  `json:"at"`
}

// holds tells whether the notice is said at a time.
func (n Notice) holds(at time.Time) bool {
	return !at.Before(n.Starts) && (n.Ends == nil || at.Before(*n.Ends))
}

// Store has switches and notices in Postgres (migrations/006_releases.sql).
type Store struct{ pool *pgxpool.Pool }

// NewStore takes a pool whose database has been migrated.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool} }

// patience bounds one question to Postgres.
const patience = 3 * time.Second

// Turn closes a service or opens it again; At is Postgres's time.
func (s *Store) Turn(ctx context.Context, t Switch) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.pool.Exec(ctx, `insert into ivr.service_switches (service, closed, reason, author) values ($1, $2, $3, $4)
		on conflict (service) do update set closed = excluded.closed, reason = excluded.reason, author = excluded.author, at = now()`,
		t.Service, t.Closed, t.Reason, t.Author)
	if err != nil {
		return fmt.Errorf("turn the switch of %s: %w", t.Service, err)
	}
	return nil
}

// Post adds a notice; ID and At are given by Postgres.
func (s *Store) Post(ctx context.Context, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.pool.Exec(ctx, "insert into ivr.service_notices (service, prompt, starts, ends, author) values ($1, $2, $3, $4, $5)",
		n.Service, n.Prompt, n.Starts, n.Ends, n.Author)
	if err != nil {
		return fmt.Errorf("post a notice about %s: %w", n.Service, err)
	}
	return nil
}

// Withdraw takes back all notices about a service, also those to come, and tells how many.
func (s *Store) Withdraw(ctx context.Context, service string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `update ivr.service_notices set withdrawn = now()
		where service = $1 and withdrawn is null and (ends is null or ends > now())`, service)
	if err != nil {
		return 0, fmt.Errorf("withdraw the notices about %s: %w", service, err)
	}
	return tag.RowsAffected(), nil
}

// Switches lists the services that have ever been closed, by name.
func (s *Store) Switches(ctx context.Context) ([]Switch, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select service, closed, reason, author, at from ivr.service_switches order by service")
	if err != nil {
		return nil, fmt.Errorf("list the services that are closed: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Switch])
	if err != nil {
		return nil, fmt.Errorf("list the services that are closed: %w", err)
	}
	return all, nil
}

// Notices lists those that hold or are to come, the newest first.
func (s *Store) Notices(ctx context.Context) ([]Notice, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, `select id, service, prompt, starts, ends, author, at from ivr.service_notices
		where withdrawn is null and (ends is null or ends > now()) order by id desc`)
	if err != nil {
		return nil, fmt.Errorf("list the notices: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Notice])
	if err != nil {
		return nil, fmt.Errorf("list the notices: %w", err)
	}
	return all, nil
}

// chosen is a language that a caller has chosen.
type chosen struct {
	Hash     []byte
	Language string
	StoredAt time.Time
}

// languages lists what was stored after a time.
func (s *Store) languages(ctx context.Context, after time.Time) ([]chosen, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select caller_hash, language, stored_at from ivr.remembered where stored_at > $1", after)
	if err != nil {
		return nil, fmt.Errorf("list the languages that callers have chosen: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[chosen])
	if err != nil {
		return nil, fmt.Errorf("list the languages that callers have chosen: %w", err)
	}
	return all, nil
}
