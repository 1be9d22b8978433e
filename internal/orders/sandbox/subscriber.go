package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
)

// Brand is the product line of a subscriber. The set is closed.
type Brand string

// The brands.
const (
	GoTone  Brand = "全球通"
	MZone   Brand = "动感地带"
	EasyOwn Brand = "神州行"
)

// Subscriber is what the BOSS knows of one number. Its secrets are not in it, only
// whether there are any.
type Subscriber struct {
	Number   orders.MSISDN `json:"number"`
	Brand    Brand         `json:"brand"`
	Star     int           `json:"star"` // 1 to 5
	Balance  orders.Money  `json:"balance_fen"`
	LastBill orders.Money  `json:"last_bill_fen"` // of the month before this one
	Open     []string      `json:"open"`          // services, by name
	Password bool          `json:"password"`      // has a service password
	Identity bool          `json:"identity"`      // has an identity number on record
	Locked   bool          `json:"locked"`        // too many wrong passwords or identity numbers today
}

// ErrNoSubscriber says that a number has never been seen. It becomes a
// subscriber when it first asks for something.
var ErrNoSubscriber = errors.New("the sandbox has not seen this number")

// Subscriber shows one number, or ErrNoSubscriber. It changes nothing.
func (b *Boss) Subscriber(ctx context.Context, number orders.MSISDN) (Subscriber, error) {
	digits := number.Reveal()
	all, err := b.show(ctx, &digits)
	if err != nil {
		return Subscriber{Number: number}, fmt.Errorf("read subscriber %s of the sandbox: %w", number, err)
	}
	if len(all) == 0 {
		return Subscriber{Number: number}, ErrNoSubscriber
	}
	return all[0], nil
}

// Subscribers lists all, by number.
func (b *Boss) Subscribers(ctx context.Context) ([]Subscriber, error) {
	all, err := b.show(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("list the subscribers of the sandbox: %w", err)
	}
	return all, nil
}

// show reads the subscribers that there are: one, or (nil) all.
func (b *Boss) show(ctx context.Context, msisdn *string) (all []Subscriber, _ error) {
	now := time.Now().In(billZone())
	return all, pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `select `+columns+`,
				coalesce((select array_agg(service order by service) from sandbox.subscriptions t where t.msisdn = s.msisdn), '{}'),
				exists (select from sandbox.wrong_proofs w where w.msisdn = s.msisdn and day = $2::text::date and times >= $3)
			from sandbox.subscribers s where $1::text is null or msisdn = $1 order by msisdn`,
			msisdn, now.Format(time.DateOnly), wrongPerDay)
		var s subscriber
		var found []subscriber
		var shown Subscriber
		_, err := pgx.ForEachRow(rows, append(s.fields(), &shown.Open, &shown.Locked), func() error {
			number, err := orders.ParseMSISDN(s.msisdn)
			shown.Number, shown.Brand, shown.Star, shown.Balance = number, s.brand, s.star, s.balance
			shown.Password, shown.Identity = s.password != "", s.identity != ""
			all, found = append(all, shown), append(found, s)
			return err
		})
		for i := 0; err == nil && i < len(found); i++ {
			all[i].LastBill, err = bill(ctx, tx, found[i], monthOf(now, 1))
		}
		return err
	})
}

// subscriber is a row that the transaction has locked.
type subscriber struct {
	msisdn             string
	firstSeen          time.Time
	brand              Brand
	star               int
	plan               string
	balance            orders.Money
	firstBill          orders.Money // of the month before the one in which it was first seen
	credit, discount   orders.Money
	points             int64
	validUntil         time.Time
	minutes, sms, vnet int64
	dataMB             int64
	password, identity string // as kept makes them; "" for none
}

// columns are what fields reads.
const columns = `msisdn, first_seen, brand, star, plan, balance_fen, last_bill_fen, credit_fen, discount_fen, points,
	valid_until, minutes, sms, vnet, data_mb, coalesce(password, ''), coalesce(identity, '')`

func (s *subscriber) fields() []any {
	return []any{&s.msisdn, &s.firstSeen, &s.brand, &s.star, &s.plan, &s.balance, &s.firstBill, &s.credit, &s.discount, &s.points,
		&s.validUntil, &s.minutes, &s.sms, &s.vnet, &s.dataMB, &s.password, &s.identity}
}

// lockSubscriber makes a number a subscriber, if it is not one yet, and locks
// its row: the orders of one number are carried out one after the other. The
// first bill is derived from the number, so that it is always the same.
func lockSubscriber(ctx context.Context, tx pgx.Tx, number orders.MSISDN) (subscriber, error) {
	var s subscriber
	digits := number.Reveal()
	_, err := tx.Exec(ctx, `
		insert into sandbox.subscribers (msisdn, last_bill_fen)
		values ($1, 1800 + (right($1, 6)::bigint * 37) % 7000) on conflict do nothing`, digits)
	if err != nil {
		return s, err
	}
	err = tx.QueryRow(ctx, "select "+columns+" from sandbox.subscribers where msisdn = $1 for update", digits).Scan(s.fields()...)
	return s, err
}

// billZone is where a month ends for the operator; without time zone data in
// the system it is the same offset by hand (no daylight saving since 1991).
func billZone() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return time.FixedZone("CST", 8*60*60)
	}
	return zone
}

// monthOf gives the first moment of the month that is so many before the one of t.
func monthOf(t time.Time, before int) time.Time {
	return time.Date(t.Year(), t.Month()-time.Month(before), 1, 0, 0, 0, 0, t.Location())
}

// bill is what a subscriber had to pay for a month: what was charged in it, or,
// for a month before the number was first seen, an amount that follows from the
// number, near that of its last bill then.
func bill(ctx context.Context, tx pgx.Tx, s subscriber, month time.Time) (orders.Money, error) {
	seen := monthOf(s.firstSeen.In(month.Location()), 0)
	if month.Before(seen) {
		before := int(seen.Month()-month.Month()) + 12*(seen.Year()-month.Year()) - 1
		percent := 0
		if before > 0 {
			percent = (int(s.msisdn[len(s.msisdn)-1])+before*37)%21 - 10
		}
		return s.firstBill + s.firstBill*orders.Money(percent)/100, nil
	}
	var charged orders.Money
	err := tx.QueryRow(ctx, `
		select coalesce(sum(charged_fen), 0) from sandbox.ledger where msisdn = $1 and at >= $2 and at < $3`,
		s.msisdn, month, monthOf(month, -1)).Scan(&charged)
	return charged, err
}
