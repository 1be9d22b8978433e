package sandbox_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// ask gives the answer to "name" or "status of service" or "name with month=2601", as
// "name=kind:value" sorted, or the refusal.
func ask(t *testing.T, b *sandbox.Boss, caller, question string) string {
	t.Helper()
	q := orders.Query{Caller: number(t, caller)}
	question, with, _ := strings.Cut(question, " with ")
	q.Name, q.Service, _ = strings.Cut(question, " of ")
	q.With = typed(with)
	a, err := b.Query(t.Context(), q)
	switch {
	case err != nil:
		return "error"
	case a.Outcome != orders.Success:
		return a.Result.String()
	}
	var said []string
	for name, v := range a.Values {
		value := v.Word
		if v.Kind != orders.ValueWord && v.Kind != orders.ValueList {
			value = fmt.Sprint(v.Number)
		}
		said = append(said, fmt.Sprintf("%s=%s:%s", name, v.Kind, value))
	}
	slices.Sort(said)
	return strings.Join(said, " ")
}

// month is a month so many before this one, in a layout.
func month(before int, layout string) string {
	zone := time.FixedZone("CST", 8*60*60)
	now := time.Now().In(zone)
	return time.Date(now.Year(), now.Month()-time.Month(before), 1, 0, 0, 0, 0, zone).Format(layout)
}

func TestEveryQueryOfTheTable(t *testing.T) {
	b, pool := boss(t)
	// The other days depend on when the database was made.
	if _, err := pool.Exec(t.Context(), `
		update sandbox.subscribers set valid_until = '2030-02-28';
		insert into sandbox.payments (msisdn, paid_on, amount_fen) values (`+hasID+`, '2099-01-01', 700)`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ caller, question, want string }{
		{hasID, "balance", "balance=money:20000"},
		{hasID, "last_month_bill", "amount=money:8850 month=month:" + month(1, "200601")},
		{hasID, "bill_by_month with month=" + month(1, "0601"), "amount=money:8850 month=month:" + month(1, "200601")},
		{hasID, "bill_by_month with month=" + month(0, "0601"), "amount=money:0 month=month:" + month(0, "200601")},
		{hasID, "bill_by_month with month=" + month(-1, "0601"), "rejected/ineligible"},
		{hasID, "bill_by_month with month=" + month(13, "0601"), "rejected/ineligible"},
		{hasID, "bill_by_month with month=2613", "error"},
		{hasID, "bill_by_month with amount=26.10", "error"},
		{hasID, "bill_by_month", "error"},
		{hasID, "used_discount_amount", "amount=money:1250"},
		{hasID, "used_discount_minutes", "minutes=count:188 sms=count:40 vnet=count:60"},
		{hasID, "used_data", "mb=count:420"},
		{hasID, "payment_history", "amount=money:700 count=count:5 date=date:20990101 total=money:45700"},
		{hasID, "tariff", "plan=word:gotone_58"},
		{hasID, "opened_services", "count=count:1 services=list:caller_id"},
		{rich, "opened_services", "count=count:0 services=list:"},
		{hasID, "validity", "date=date:20300228"},
		{hasID, "credit", "credit=money:50000"},
		{hasID, "number_home with phone=13800210000", "region=word:shanghai"}, // the longer prefix
		{hasID, "number_home with phone=13850000000", "region=word:sichuan"},
		{hasID, "number_home with phone=13890000000", "rejected/other"},
		{hasID, "number_home with phone=17000000000", "rejected/other"},
		{hasID, "number_home with month=2601", "error"},
		{hasID, "number_home", "error"},
		{hasID, "points", "points=count:9320"},
		{hasID, "profile", "brand=word:全球通 star=count:4"},
		{hasData, "profile", "brand=word:动感地带 star=count:3"},
		{fresh, "profile", "brand=word:神州行 star=count:3"},
		{hasData, "status of mobile_data", "services=list:mobile_data_20 state=word:open"},
		{hasData, "status of mobile_data_20", "services=list:mobile_data_20 state=word:open"},
		{hasData, "status of mobile_data_5", "services=list: state=word:closed"},
		{hasData, "status of e_bill", "services=list: state=word:closed"},
		{hasData, "status of service_password", "error"},
		{hasData, "weather", "error"},
	} {
		got := ask(t, b, tt.caller, tt.question)
		if got != tt.want {
			t.Errorf("%s asks %s: %s, want %s", tt.caller, tt.question, got, tt.want)
		}
	}
}

// The answers follow from what was done before.
func TestQueriesFollowOrders(t *testing.T) {
	b, pool := boss(t)
	for _, step := range []struct{ do, with, question, want string }{
		{"open balance_reminder 0", "amount=25.50", "status of balance_reminder", "amount=money:2550 services=list:balance_reminder state=word:open"},
		{"close balance_reminder 0", "", "status of balance_reminder", "services=list: state=word:closed"},
		{"open balance_reminder 0", "", "status of balance_reminder", "amount=money:1000 services=list:balance_reminder state=word:open"},
		{"open mms_bill 100", "", "status of e_bill", "services=list:mms_bill state=word:open"},
		{"open sms_bill 0", "", "status of e_bill", "services=list:mms_bill,sms_bill state=word:open"},
		{"close mms_bill 0", "", "opened_services", "count=count:2 services=list:balance_reminder,sms_bill"},
		{"open caller_id 600", "", "bill_by_month with month=" + month(0, "0601"), "amount=money:700 month=month:" + month(0, "200601")},
	} {
		o := order(t, easy, step.do)
		o.With = typed(step.with)
		if got := submit(t, b, o); got != "success/confirmed" {
			t.Fatalf("%s with %s: %s", step.do, step.with, got)
		}
		if got := ask(t, b, easy, step.question); got != step.want {
			t.Errorf("after %s, %s: %s, want %s", step.do, step.question, got, step.want)
		}
	}
	// A month later those charges are last month's bill.
	if _, err := pool.Exec(t.Context(), `
		update sandbox.ledger set at = at - interval '1 month';
		update sandbox.subscribers set first_seen = first_seen - interval '1 month'`); err != nil {
		t.Fatal(err)
	}
	if got := show(t, b, easy).LastBill; got != 700 {
		t.Errorf("last bill after a month: %v", got)
	}
}

func TestImpossibleThresholds(t *testing.T) {
	b, _ := boss(t)
	for _, with := range []string{"amount=0.00", "amount=0.99", "amount=1000.01", "month=2601"} {
		o := order(t, rich, "open balance_reminder 0")
		o.With = typed(with)
		if with == "month=2601" { // what is called an amount and is none
			o.With["amount"] = o.With["month"]
		}
		if got := submit(t, b, o); got != "rejected/ineligible" {
			t.Errorf("%s: %s", with, got)
		}
	}
}

// A bill stays what it was, and a year of them is there from the first day on.
func TestBillsStay(t *testing.T) {
	b, _ := boss(t)
	bills := map[string]string{}
	for before := range 13 {
		m := month(before, "0601")
		bills[m] = ask(t, b, fresh, "bill_by_month with month="+m)
		if !strings.HasPrefix(bills[m], "amount=money:") {
			t.Errorf("%s: %s", m, bills[m])
		}
	}
	again := maps.Clone(bills)
	for m := range again {
		again[m] = ask(t, b, fresh, "bill_by_month with month="+m)
	}
	if !maps.Equal(bills, again) {
		t.Errorf("first %v, then %v", bills, again)
	}
	amounts := map[string]bool{}
	for _, bill := range bills {
		amount, _, _ := strings.Cut(bill, " ")
		amounts[amount] = true
	}
	if len(amounts) < 6 {
		t.Errorf("the bills of a year are %v", amounts)
	}
}

func TestNobodyHasPaid(t *testing.T) {
	b, pool := boss(t)
	_, err := pool.Exec(t.Context(), "insert into sandbox.subscribers (msisdn, balance_fen, last_bill_fen) values ($1, 0, 0)", fresh)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, b, fresh, "payment_history"); got != "rejected/not_open" {
		t.Errorf("payments of nobody: %s", got)
	}
}

func TestSubscribers(t *testing.T) {
	b, _ := boss(t)
	all, err := b.Subscribers(t.Context())
	if err != nil || len(all) != 6 {
		t.Fatalf("%d, %v", len(all), err)
	}
	stars, brands := map[int]bool{}, map[sandbox.Brand]bool{}
	for _, s := range all {
		one, err := b.Subscriber(t.Context(), s.Number)
		if err != nil || fmt.Sprint(one) != fmt.Sprint(s) {
			t.Errorf("listed as %v, shown as %v, %v", s, one, err)
		}
		stars[s.Star], brands[s.Brand] = true, true
	}
	if len(stars) != 5 || len(brands) != 3 {
		t.Errorf("stars %v, brands %v: some are not there to be tried", stars, brands)
	}
	if _, err := b.Subscriber(t.Context(), number(t, fresh)); !errors.Is(err, sandbox.ErrNoSubscriber) {
		t.Errorf("a number never seen: %v", err)
	}
}

// What callers are told of a service is what the BOSS sells.
func TestCatalogueIsTheMenus(t *testing.T) {
	_, pool := boss(t)
	data, err := os.ReadFile("../../../menus/services.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var menu map[string]struct {
		Price  string
		Brands []string
	}
	if err := yaml.Unmarshal(data, &menu); err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), "select service, price_fen, coalesce(brands, '{}') from sandbox.catalogue")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sold := 0
	for rows.Next() {
		var service string
		var price orders.Money
		var brands []string
		if err := rows.Scan(&service, &price, &brands); err != nil {
			t.Fatal(err)
		}
		if told, ok := menu[service]; !ok || told.Price != price.String() || !slices.Equal(told.Brands, brands) {
			t.Errorf("%s is sold at %s to %v; callers are told %+v (there: %v)", service, price, brands, told, ok)
		}
		sold++
	}
	if rows.Err() != nil || sold != 14 {
		t.Errorf("%d services, %v", sold, rows.Err())
	}
}
