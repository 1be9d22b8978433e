package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Order is an order as the API tells of it. Prices are in fen; Number is masked.
type Order struct {
	Order       string     `json:"order"`
	Call        string     `json:"call"`
	CreatedAt   time.Time  `json:"created_at"`
	AgeS        int64      `json:"age_s"` // to now, or to when it was resolved
	Number      string     `json:"number"`
	Service     string     `json:"service"`
	Action      string     `json:"action"`
	Price       int64      `json:"price"`
	BossPrice   *int64     `json:"boss_price,omitempty"`
	State       string     `json:"state"`
	Outcome     string     `json:"outcome,omitempty"`
	Detail      string     `json:"detail,omitempty"`
	BossRef     string     `json:"boss_ref,omitempty"`
	Attempts    int        `json:"attempts"`
	PersonSince *time.Time `json:"person_since,omitempty"`
	PersonWhy   *string    `json:"person_why,omitempty"`
	DecidedBy   *string    `json:"decided_by,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
	DecidedWhy  *string    `json:"decided_why,omitempty"`
	ResolvedAt  *time.Time `json:"resolved_at,omitempty"`
	Test        bool       `json:"test"`
}

const orderColumns = `
	order_id::text, call_id::text, created_at, extract(epoch from coalesce(resolved_at, now()) - created_at)::bigint,
	msisdn_masked, service, action, price, boss_price, state, coalesce(result_outcome, ''), coalesce(result_detail, ''), boss_ref,
	attempts, person_since, person_why, decided_by, decided_at, decided_why, resolved_at, test`

// Application is an application as the API tells of it.
type Application struct {
	Application  string     `json:"application"`
	Call         string     `json:"call"`
	Order        *string    `json:"order,omitempty"`
	Kind         string     `json:"kind"`
	Service      string     `json:"service"`
	Action       string     `json:"action"`
	OpenedAt     time.Time  `json:"opened_at"`
	ClosedAt     *time.Time `json:"closed_at,omitempty"`
	ResolvedAt   *time.Time `json:"resolved_at,omitempty"`
	Outcome      *string    `json:"outcome,omitempty"`
	Detail       *string    `json:"detail,omitempty"`
	FirstOutcome *string    `json:"first_outcome,omitempty"`
	ClosedBy     *string    `json:"closed_by,omitempty"`
	Category     string     `json:"category"`
	Rule         string     `json:"rule"`
	Node         string     `json:"node"`
	Test         bool       `json:"test"`
}

const applicationColumns = `
	application_id, call_id::text, order_id::text, kind, service, action, opened_at, closed_at, resolved_at,
	outcome, outcome_detail, first_outcome, closed_by, category, rule, node, test`

// Notification is a result on its way to a caller.
type Notification struct {
	Notification string     `json:"notification"`
	Order        string     `json:"order"`
	Text         string     `json:"text"` // names the message
	State        string     `json:"state"`
	Attempts     int        `json:"attempts"`
	NextTryAt    time.Time  `json:"next_try_at"`
	LastError    string     `json:"last_error"`
	CreatedAt    time.Time  `json:"created_at"`
	SentAt       *time.Time `json:"sent_at,omitempty"`
}

const notificationColumns = `id::text, order_id::text, text, state, attempts, next_try_at, last_error, created_at, sent_at`

// Step is one step of a call, as docs/journal.md tells: what is private in it is masked.
type Step struct {
	Call   string          `json:"call"`
	Seq    int             `json:"seq"`
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"`
	Node   string          `json:"node"`
	Detail json.RawMessage `json:"detail"`
}

// Page is a part of a list; Next is there where it goes on, for "after".
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// place is where a page begins: after the row with this time and id.
type place struct {
	At time.Time `json:"t"`
	ID string    `json:"i"`
}

func (p place) String() string {
	text, _ := json.Marshal(p) // cannot fail: a time of Postgres and a string
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err
}

// pageOf makes a page of one row more than its size.
func pageOf[T any](all []T, size int, at func(T) place) Page[T] {
	page := Page[T]{Items: append([]T{}, all[:min(len(all), size)]...)}
	if len(all) > size {
		page.Next = at(all[size-1]).String()
	}
	return page
}

// store is the API's view of Postgres.
type store struct{ db *pgxpool.Pool }

var errNone = errors.New("there is none")

func list[T any](ctx context.Context, db *pgxpool.Pool, sql string, args ...any) ([]T, error) {
	rows, _ := db.Query(ctx, sql, args...)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

func one[T any](ctx context.Context, db *pgxpool.Pool, sql string, args ...any) (T, error) {
	rows, _ := db.Query(ctx, sql, args...)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[T])
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNone
	}
	return v, err
}

// wanted is which part of a list; hash: of the number, nil for all.
type wanted struct {
	state string
	hash  []byte
	after place
	size  int
}

const unresolved = "state in ('pending', 'sent', 'unknown')"

// from is the begin of a page as the condition (time, id) beyond it; null for the first page.
func (w wanted) from() (*time.Time, string) {
	if w.after.ID == "" {
		return nil, "00000000-0000-0000-0000-000000000000"
	}
	return &w.after.At, w.after.ID
}

// orders lists the newest first; those that wait for something, the oldest.
func (s store) orders(ctx context.Context, w wanted) (Page[Order], error) {
	filter, beyond, way := "true", "<", "desc"
	switch w.state {
	case "":
	case "unresolved":
		filter, beyond, way = unresolved, ">", "asc"
	case "person":
		filter, beyond, way = unresolved+" and person_since is not null", ">", "asc"
	default:
		filter = "state = $5"
	}
	at, id := w.from()
	all, err := list[Order](ctx, s.db, fmt.Sprintf(`
		select %s from ivr.orders
		where ($1::bytea is null or msisdn_hash = $1) and ($2::timestamptz is null or (created_at, order_id) %s ($2, $3::uuid)) and %s and $5::text is not null
		order by created_at %s, order_id %[4]s limit $4`, orderColumns, beyond, filter, way), w.hash, at, id, w.size+1, w.state)
	return pageOf(all, w.size, func(o Order) place { return place{o.CreatedAt, o.Order} }), err
}

func (s store) order(ctx context.Context, id string) (Order, error) {
	return one[Order](ctx, s.db, "select "+orderColumns+" from ivr.orders where order_id = $1::uuid", id)
}

func (s store) sealed(ctx context.Context, id string) ([]byte, error) {
	n, err := one[struct{ Enc []byte }](ctx, s.db, "select msisdn_enc from ivr.orders where order_id = $1::uuid", id)
	return n.Enc, err
}

func (s store) application(ctx context.Context, id string) (Application, error) {
	return one[Application](ctx, s.db, "select "+applicationColumns+" from ivr.applications where application_id = $1", id)
}

func (s store) applicationsOf(ctx context.Context, order string) ([]Application, error) {
	return list[Application](ctx, s.db, "select "+applicationColumns+" from ivr.applications where order_id = $1::uuid order by opened_at, application_id", order)
}

// applications lists those of a number's calls, and those with an order for it: by union, as one
// condition with both would read the whole table.
func (s store) applications(ctx context.Context, w wanted) (Page[Application], error) {
	at, id := w.from()
	all, err := list[Application](ctx, s.db, `
		select `+applicationColumns+` from ivr.applications
		where application_id in (
			select application_id from ivr.applications where call_id in (select call_id from ivr.calls where caller_hash = $1)
			union select application_id from ivr.applications where order_id in (select order_id from ivr.orders where msisdn_hash = $1))
		  and ($2::timestamptz is null or (opened_at, application_id) < ($2, $3))
		order by opened_at desc, application_id desc limit $4`, w.hash, at, id, w.size+1)
	return pageOf(all, w.size, func(a Application) place { return place{a.OpenedAt, a.Application} }), err
}

func (s store) notifications(ctx context.Context, w wanted) (Page[Notification], error) {
	at, id := w.from()
	all, err := list[Notification](ctx, s.db, `
		select `+notificationColumns+` from ivr.notifications
		where ($1 = '' or state = $1) and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
		order by created_at desc, id desc limit $4`, w.state, at, id, w.size+1)
	return pageOf(all, w.size, func(n Notification) place { return place{n.CreatedAt, n.Notification} }), err
}

func (s store) notificationsOf(ctx context.Context, order string) ([]Notification, error) {
	return list[Notification](ctx, s.db, "select "+notificationColumns+" from ivr.notifications where order_id = $1::uuid", order)
}

// history lists the steps of the calls that wanted an order, as they happened.
func (s store) history(ctx context.Context, order string, w wanted) (Page[Step], error) {
	at, id := w.from()
	all, err := list[Step](ctx, s.db, `
		with o as (select order_id, call_id, created_at - interval '1 day' as since from ivr.orders where order_id = $1::uuid)
		select s.call_id::text, s.seq, s.at, s.kind, s.node, s.detail
		from ivr.steps s, o
		where s.call_id in (select o.call_id union select a.call_id from ivr.applications a where a.order_id = o.order_id)
		  and s.at >= o.since
		  and ($2::timestamptz is null or (s.at, s.call_id::text || '.' || lpad(s.seq::text, 10, '0')) > ($2, $3))
		order by s.at, s.call_id::text || '.' || lpad(s.seq::text, 10, '0') limit $4`, order, at, id, w.size+1)
	return pageOf(all, w.size, func(s Step) place { return place{s.At, fmt.Sprintf("%s.%010d", s.Call, s.Seq)} }), err
}

func (s store) notification(ctx context.Context, id string) (Notification, error) {
	return one[Notification](ctx, s.db, "select "+notificationColumns+" from ivr.notifications where id = $1::uuid", id)
}

// note writes an entry of the audit log; its answer comes with answered.
func (s store) note(ctx context.Context, e entry) (id int64, err error) {
	err = s.db.QueryRow(ctx, `
		insert into ivr.admin_audit (who, role, client, action, object, why) values ($1, $2, $3, $4, $5, $6) returning id`,
		e.who, e.role, e.client, e.action, e.object, strings.TrimSpace(e.why)).Scan(&id)
	return id, err
}

func (s store) answered(ctx context.Context, id int64, status int) error {
	_, err := s.db.Exec(ctx, "update ivr.admin_audit set status = $2, answered = now() where id = $1", id, status)
	return err
}

// Audit is an entry of the audit log. Status is null where no answer was given.
type Audit struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Role   string    `json:"role"`
	Client string    `json:"client"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	Why    string    `json:"why"`
	Status *int      `json:"status"`
}

func (s store) audit(ctx context.Context, w wanted) (Page[Audit], error) {
	before := int64(1 << 62)
	if w.after.ID != "" {
		var err error
		if before, err = strconv.ParseInt(w.after.ID, 10, 64); err != nil {
			return Page[Audit]{}, errPlace
		}
	}
	all, err := list[Audit](ctx, s.db, `
		select id, at, who, role, client, action, object, why, status from ivr.admin_audit
		where id < $1 order by id desc limit $2`, before, w.size+1)
	return pageOf(all, w.size, func(a Audit) place { return place{a.At, fmt.Sprint(a.ID)} }), err
}
