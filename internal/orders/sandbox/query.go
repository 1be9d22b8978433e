package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
)

// Query answers, truthfully and by name:
//
//	balance                {balance: money}
//	last_month_bill        {amount: money, month}
//	bill_by_month          {amount: money, month} of With month, this one or one of the 12 before; else ineligible
//	used_discount_amount   {amount: money} of this month, as all that is used
//	used_discount_minutes  {minutes, sms, vnet: count}
//	used_data              {mb: count}
//	payment_history        {count, total: money} of the last 12 months, {date, amount: money} of the last payment
//	tariff                 {plan: word gotone_88, gotone_58, mzone_25 or easyown_standard}
//	opened_services        {services: list, count}
//	validity               {date}
//	credit                 {credit: money}
//	number_home            {region: word beijing, shanghai, guangdong, jiangsu, zhejiang, sichuan, hubei or shaanxi}
//	                       of With phone; other where nobody has such a number. Nobody (zero) may ask it, too
//	points                 {points: count}
//	status                 {state: word open or closed, services: list} of Query.Service, a service or a
//	                       family; {amount: money} of a balance_reminder that is open
//	profile                {brand: word 全球通, 动感地带 or 神州行, star: count 1-5}
//
// payment_history of who has never paid is not_open: there is nothing to tell. A question that it does not know,
// or cannot understand, is ErrQuestion.
func (b *Boss) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	return b.send(ctx, request{OpQuery, q.Caller, func(ctx context.Context) (answer orders.Answer, _ error) {
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
			var s subscriber
			var err error
			if !q.Caller.IsZero() {
				s, err = lockSubscriber(ctx, tx, q.Caller)
			} else if q.Name != numberHome {
				err = fmt.Errorf("%w: about nobody", ErrQuestion)
			}
			if err != nil {
				return err
			}
			answer, err = reading{tx, s, q}.answer(ctx)
			return err
		})
		if err != nil {
			return orders.Answer{}, fmt.Errorf("answer query %q in the sandbox: %w", q.Name, err)
		}
		return answer, nil
	}})
}

// ErrQuestion says that a question makes no sense to the BOSS: it knows no such query or
// service, or something is missing with it.
var ErrQuestion = errors.New("no such question")

// numberHome is the one question that is not about who asks: he may be nobody.
const numberHome = "number_home"

type values map[string]orders.Value

func money(m orders.Money) orders.Value {
	return orders.Value{Kind: orders.ValueMoney, Number: int64(m)}
}
func count(n int64) orders.Value { return orders.Value{Kind: orders.ValueCount, Number: n} }
func word(w string) orders.Value { return orders.Value{Kind: orders.ValueWord, Word: w} }

func month(t time.Time) orders.Value {
	return orders.Value{Kind: orders.ValueMonth, Number: int64(t.Year()*100 + int(t.Month()))}
}

func date(t time.Time) orders.Value {
	return orders.Value{Kind: orders.ValueDate, Number: int64(t.Year()*10000 + int(t.Month())*100 + t.Day())}
}

func words(all []string) orders.Value {
	return orders.Value{Kind: orders.ValueList, Word: strings.Join(all, ",")}
}

// onRecord are the answers that stand in the subscriber's row, by query.
func (s subscriber) onRecord() map[string]values {
	return map[string]values{
		"balance":               {"balance": money(s.balance)},
		"used_discount_amount":  {"amount": money(s.discount)},
		"used_discount_minutes": {"minutes": count(s.minutes), "sms": count(s.sms), "vnet": count(s.vnet)},
		"used_data":             {"mb": count(s.dataMB)},
		"tariff":                {"plan": word(s.plan)},
		"validity":              {"date": date(s.validUntil)},
		"credit":                {"credit": money(s.credit)},
		"points":                {"points": count(s.points)},
		"profile":               {"brand": word(string(s.brand)), "star": count(int64(s.star))},
	}
}

// reading is one query by one subscriber, whose row tx has locked.
type reading struct {
	tx pgx.Tx
	s  subscriber
	q  orders.Query
}

func (r reading) answer(ctx context.Context) (orders.Answer, error) {
	var v values
	var err error
	refusal := orders.NoDetail
	known := r.s.onRecord()
	switch r.q.Name {
	case "last_month_bill":
		v, err = r.bill(ctx, monthOf(time.Now().In(billZone()), 1))
	case "bill_by_month":
		v, refusal, err = r.billByMonth(ctx)
	case "payment_history":
		v, refusal, err = r.payments(ctx)
	case numberHome:
		v, refusal, err = r.home(ctx)
	case "opened_services":
		v, err = r.opened(ctx)
	case "status":
		v, err = r.status(ctx)
	default:
		var there bool
		if v, there = known[r.q.Name]; !there {
			err = fmt.Errorf("%w: the query", ErrQuestion)
		}
	}
	if err != nil || refusal != orders.NoDetail {
		return orders.Answer{Result: rejected(refusal)}, err
	}
	return orders.Answer{Result: confirmed, Values: v}, nil
}

func (r reading) bill(ctx context.Context, of time.Time) (values, error) {
	amount, err := bill(ctx, r.tx, r.s, of)
	return values{"amount": money(amount), "month": month(of)}, err
}

// billByMonth refuses what lies outside the year that bills are kept for: a caller
// who asks for it has mistaken the month, the BOSS has not failed.
func (r reading) billByMonth(ctx context.Context) (values, orders.Detail, error) {
	typed := r.q.With["month"]
	of, err := time.ParseInLocation("0601", typed.Reveal(), billZone())
	if err != nil || typed.Kind() != entry.Month {
		return nil, "", fmt.Errorf("%w: without a month", ErrQuestion) // not err: it would quote what was typed
	}
	now := time.Now().In(billZone())
	if of.After(now) || of.Before(monthOf(now, 12)) {
		return nil, orders.Ineligible, nil
	}
	v, err := r.bill(ctx, of)
	return v, "", err
}

func (r reading) payments(ctx context.Context) (values, orders.Detail, error) {
	var n, total, last int64
	var on time.Time
	err := r.tx.QueryRow(ctx, `
		select count(*) filter (where recent), coalesce(sum(amount_fen) filter (where recent), 0)::bigint,
			(array_agg(amount_fen order by paid_on desc, id desc))[1], max(paid_on)
		from sandbox.payments, lateral (select paid_on > current_date - interval '12 months' as recent) r
		where msisdn = $1 having count(*) > 0`, r.s.msisdn).Scan(&n, &total, &last, &on)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, orders.NotOpen, nil
	}
	return values{
		"count": count(n), "total": money(orders.Money(total)), "amount": money(orders.Money(last)), "date": date(on),
	}, "", err
}

func (r reading) home(ctx context.Context) (values, orders.Detail, error) {
	phone := r.q.With["phone"]
	if phone.Kind() != entry.Phone {
		return nil, "", fmt.Errorf("%w: without a telephone number", ErrQuestion)
	}
	var region string
	err := r.tx.QueryRow(ctx, `
		select region from sandbox.homes where starts_with($1, prefix) order by length(prefix) desc limit 1`,
		phone.Reveal()).Scan(&region)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, orders.Other, nil
	}
	return values{"region": word(region)}, "", err
}

func (r reading) opened(ctx context.Context) (values, error) {
	rows, _ := r.tx.Query(ctx, "select service from sandbox.subscriptions where msisdn = $1 order by service", r.s.msisdn)
	services, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return values{"services": words(services), "count": count(int64(len(services)))}, err
}

func (r reading) status(ctx context.Context) (values, error) {
	products, err := family(ctx, r.tx, r.s.msisdn, r.q.Service)
	if err != nil {
		return nil, err
	}
	products = slices.DeleteFunc(products, func(p product) bool {
		return p.service != r.q.Service && p.family != r.q.Service
	})
	if len(products) == 0 {
		return nil, fmt.Errorf("%w: the service %q is not in the catalogue", ErrQuestion, r.q.Service)
	}
	v := values{"state": word("closed")}
	var open []string
	for _, p := range products {
		if !p.open {
			continue
		}
		open = append(open, p.service)
		v["state"] = word("open")
		if p.amount != nil {
			v["amount"] = money(*p.amount)
		}
	}
	v["services"] = words(open)
	return v, nil
}
