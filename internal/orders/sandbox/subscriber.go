package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Subscriber is what the BOSS knows of one number.
type Subscriber struct {
	Number   orders.MSISDN
	Brand    Brand
	Star     int // 1 to 5
	Balance  orders.Money
	LastBill orders.Money // of the month before this one
	Open     []string     // services, by name
}

// ErrNoSubscriber says that a number has never been seen. It becomes a
// subscriber when it first asks for something.
var ErrNoSubscriber = errors.New("the sandbox has not seen this number")

// Subscriber shows one number, or ErrNoSubscriber. It changes nothing.
func (b *Boss) Subscriber(ctx context.Context, number orders.MSISDN) (Subscriber, error) {
	s := Subscriber{Number: number}
	err := b.pool.QueryRow(ctx, `
		select brand, star, balance_fen, last_bill_fen,
			coalesce((select array_agg(service order by service) from sandbox.subscriptions t where t.msisdn = s.msisdn), '{}')
		from sandbox.subscribers s where msisdn = $1`, number.Reveal()).
		Scan(&s.Brand, &s.Star, &s.Balance, &s.LastBill, &s.Open)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, ErrNoSubscriber
	}
	if err != nil {
		return s, fmt.Errorf("read subscriber %s of the sandbox: %w", number, err)
	}
	return s, nil
}

// subscriber is a row that the transaction has locked.
type subscriber struct {
	msisdn   string
	brand    Brand
	balance  orders.Money
	lastBill orders.Money
}

// lockSubscriber makes a number a subscriber, if it is not one yet, and locks
// its row: the orders of one number are carried out one after the other. The
// first bill is derived from the number, so that it is always the same.
func lockSubscriber(ctx context.Context, tx pgx.Tx, number orders.MSISDN) (subscriber, error) {
	digits := number.Reveal()
	s := subscriber{msisdn: digits}
	_, err := tx.Exec(ctx, `
		insert into sandbox.subscribers (msisdn, last_bill_fen)
		values ($1, 1800 + (right($1, 6)::bigint * 37) % 7000) on conflict do nothing`, digits)
	if err != nil {
		return s, err
	}
	err = tx.QueryRow(ctx, `
		select brand, balance_fen, last_bill_fen from sandbox.subscribers where msisdn = $1 for update`, digits).
		Scan(&s.brand, &s.balance, &s.lastBill)
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

// Query answers, truthfully and by name:
//
//	balance          {balance: money}
//	last_month_bill  {amount: money, month: count 1-12}
//	status           {state: word open or closed} of Query.Service, a service or a family
//
// A question it does not know is an error.
func (b *Boss) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	return b.send(ctx, request{OpQuery, q.Caller, func(ctx context.Context) (orders.Answer, error) {
		values := map[string]orders.Value{}
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
			s, err := lockSubscriber(ctx, tx, q.Caller)
			if err != nil {
				return err
			}
			return answerQuery(ctx, tx, s, q, values)
		})
		if err != nil {
			return orders.Answer{}, fmt.Errorf("answer query %q in the sandbox: %w", q.Name, err)
		}
		return orders.Answer{Result: confirmed, Values: values}, nil
	}})
}

func answerQuery(ctx context.Context, tx pgx.Tx, s subscriber, q orders.Query, values map[string]orders.Value) error {
	switch q.Name {
	case "balance":
		values["balance"] = orders.Value{Kind: orders.ValueMoney, Number: int64(s.balance)}
	case "last_month_bill":
		values["amount"] = orders.Value{Kind: orders.ValueMoney, Number: int64(s.lastBill)}
		now := time.Now().In(billZone())
		last := now.AddDate(0, 0, -now.Day()) // the last day of the month before
		values["month"] = orders.Value{Kind: orders.ValueCount, Number: int64(last.Month())}
	case "status":
		products, err := family(ctx, tx, s.msisdn, q.Service)
		if err != nil {
			return err
		}
		if len(products) == 0 {
			return fmt.Errorf("no service %q in the catalogue", q.Service)
		}
		state := "closed"
		if slices.ContainsFunc(products, func(p product) bool {
			return p.open && (p.service == q.Service || p.family == q.Service)
		}) {
			state = "open"
		}
		values["state"] = orders.Value{Kind: orders.ValueWord, Word: state}
	default:
		return fmt.Errorf("no such query (it knows balance, last_month_bill, status)")
	}
	return nil
}
