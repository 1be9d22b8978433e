package tmf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/bossd"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
	"hotline/internal/orders/tmf"
	"hotline/internal/pgtest"
)

// Subscribers of the sandbox, as 'ivr sandbox --help' lists them.
const (
	rich     = "13800000001"
	poor     = "13800000002"
	hasData  = "13800000004"
	easy     = "13800000005"
	unproved = "13800000006" // has an identity number on record and no password
)

// peer is `ivr boss` on a real socket. Whatever passes there of the TM Forum APIs is held
// against their specifications, on both sides.
type peer struct {
	url  string
	boss *sandbox.Boss
	web  *watched
}

func newPeer(t *testing.T) peer {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := bossd.Open(t.Context(), bossd.Options{
		Boss: boss, Ledger: filepath.Join(t.TempDir(), "ledger"), Token: token, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	specs, err := theSpecifications()
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, next: srv.Handler(), specs: specs, valid: map[string]int{}}
	web := httptest.NewServer(w)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { srv.Run(ctx) })
	t.Cleanup(func() {
		web.Close()
		cancel()
		work.Wait()
		if err := errors.Join(srv.Close(context.Background()), boss.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return peer{web.URL, boss, w}
}

// watched holds requests and replies against the specifications.
type watched struct {
	t     *testing.T
	next  http.Handler
	specs *specifications

	mu    sync.Mutex
	valid map[string]int // how many of which were
}

func (w *watched) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	kept := &keptReply{ResponseWriter: out, status: http.StatusOK}
	w.next.ServeHTTP(kept, r)
	if strings.Contains(r.URL.String(), digits) || strings.Contains(r.URL.String(), rich) {
		w.t.Errorf("a number is in the URL of a %s", r.Method)
	}
	err = w.specs.request(r.Method, r.URL.Path, body)
	if err == nil && kept.body.Len() > 0 && !kept.told() {
		err = w.specs.reply(r.Method, r.URL.Path, kept.status, kept.body.Bytes())
	}
	what := fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, kept.status)
	switch {
	case errors.Is(err, errNoSpecification):
	case err != nil:
		w.t.Errorf("%s is not valid: %v\n%s\n%s", what, err, body, kept.body.Bytes())
	default:
		w.mu.Lock()
		w.valid[what]++
		w.mu.Unlock()
	}
}

// keptReply keeps what is written. A fault takes the connection below it (Unwrap).
type keptReply struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *keptReply) Unwrap() http.ResponseWriter { return k.ResponseWriter }

func (k *keptReply) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keptReply) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// told tells whether it was told to answer with garbage, which is not to be valid.
func (k *keptReply) told() bool { return k.Header().Get("Content-Type") == "application/octet-stream" }

// fault has the BOSS go wrong until clear. The connection is gone with the request: those that
// are open are counted.
func (p peer) fault(ctx context.Context, fault string) (clear func(context.Context) error, _ error) {
	send := func(ctx context.Context, method, body string) error {
		req, err := http.NewRequestWithContext(ctx, method, p.url+"/faults", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode >= 300 {
			return fmt.Errorf("the fault switch says %s", res.Status)
		}
		return nil
	}
	return func(ctx context.Context) error { return send(ctx, http.MethodDelete, "") }, send(ctx, http.MethodPost, fault)
}

func (p peer) effects(ctx context.Context, key string) (n int, _ error) {
	all, err := p.boss.Effects(ctx)
	for _, e := range all {
		if e.Key == key {
			n++
		}
	}
	return n, err
}

func number(t *testing.T, text string) orders.MSISDN {
	t.Helper()
	m, err := orders.ParseMSISDN(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every way in which an order can end, told as the BOSS decided it. Rows follow each other.
func TestOrdersAtThePeer(t *testing.T) {
	p := newPeer(t)
	boss := opened(t, p.url+"/tmf-api")
	for row := range strings.Lines(strings.TrimSpace(`
		13800000001 open   caller_id 600             success/confirmed
		13800000001 open   caller_id 600             rejected/already_open
		13800000001 close  caller_id 0               success/confirmed
		13800000001 close  caller_id 0               rejected/not_open
		13800000001 open   caller_id 500             rejected/other
		13800000001 open   horoscope 0               rejected/other
		13800000002 open   caller_id 600             rejected/insufficient_balance
		13800000005 open   mobile_data_200 20000     rejected/ineligible
		13800000004 open   mobile_data_5 500         success/confirmed
		13800000004 close  mobile_data 0             success/confirmed
		13800000001 change service_password 0        old_password=135790,new_password=222222  auth_failed/wrong_password
		13800000001 change service_password 0        old_password=135791,new_password=222222  success/confirmed
		13800000001 reset  service_password 0        id_card=110101190001010014               success/confirmed
		13800000006 apply  service_password 0        id_card=440103190001010013               rejected/ineligible
		13800000006 apply  service_password 0        id_card=44010319000101003X               success/confirmed
		13800000006 apply  service_password 0        id_card=44010319000101003X               rejected/already_open`)) {
		f := strings.Fields(row)
		var fen int64
		if _, err := fmt.Sscan(f[3], &fen); err != nil {
			t.Fatal(err)
		}
		o := orders.Order{Key: uuid.NewString(), Caller: number(t, f[0]), Action: orders.Action(f[1]), Service: f[2], Price: orders.Money(fen)}
		if len(f) == 6 {
			o.With = orders.With{}
			for pair := range strings.SplitSeq(f[4], ",") {
				name, value, _ := strings.Cut(pair, "=")
				kind := entry.Password
				if name == "id_card" {
					kind = entry.IDCard
				}
				o.With[name] = entry.New(kind, value)
			}
		}
		a, err := boss.Submit(t.Context(), o)
		if want := f[len(f)-1]; err != nil || a.Result.String() != want || !strings.HasPrefix(a.BossRef, "SB") {
			t.Errorf("%s %s %s: %v %q, %v, want %s", f[0], f[1], f[2], a.Result, a.BossRef, err, want)
		}
		found, err := boss.Lookup(t.Context(), o.Key)
		if err != nil || found.Result != a.Result || found.BossRef != a.BossRef {
			t.Errorf("%s %s %s looked up: %v %q, %v", f[0], f[1], f[2], found.Result, found.BossRef, err)
		}
	}
}

// What is asked over the wire is what the BOSS itself says, to the last value.
func TestQueriesAtThePeer(t *testing.T) {
	p := newPeer(t)
	boss := opened(t, p.url+"/tmf-api")
	reminder := orders.Order{Key: uuid.NewString(), Caller: number(t, hasData), Service: "balance_reminder", Action: orders.Open,
		With: orders.With{"amount": entry.New(entry.Amount, "30.00")}}
	if a, err := boss.Submit(t.Context(), reminder); err != nil || a.Outcome != orders.Success {
		t.Fatalf("%v, %v", a.Result, err)
	}
	month := orders.With{"month": entry.New(entry.Month, time.Now().Format("0601"))}
	for _, caller := range []string{rich, poor, hasData, easy, unproved} {
		for _, q := range []orders.Query{
			{Name: "balance"}, {Name: "last_month_bill"}, {Name: "bill_by_month", With: month}, {Name: "used_discount_amount"},
			{Name: "used_discount_minutes"}, {Name: "used_data"}, {Name: "payment_history"}, {Name: "tariff"},
			{Name: "opened_services"}, {Name: "validity"}, {Name: "credit"}, {Name: "points"}, {Name: "profile"},
			{Name: "number_home", With: orders.With{"phone": entry.New(entry.Phone, "13800210000")}},
			{Name: "status", Service: "mobile_data"}, {Name: "status", Service: "mobile_data_20"},
			{Name: "status", Service: "balance_reminder"}, {Name: "status", Service: "e_bill"},
		} {
			q.Caller = number(t, caller)
			want, err := p.boss.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := boss.Query(t.Context(), q)
			if err != nil || got.Result != want.Result || !maps.Equal(got.Values, want.Values) {
				t.Errorf("%s %s of %s: %v %v, %v, want %v %v", q.Name, q.Service, caller, got.Result, got.Values, err, want.Result, want.Values)
			}
		}
	}
	want, err := p.boss.Prices(t.Context())
	if err != nil || len(want) == 0 {
		t.Fatalf("%d prices, %v", len(want), err)
	}
	if got, err := boss.Prices(t.Context()); err != nil || !maps.Equal(got, want) {
		t.Errorf("prices %v, %v, want %v", got, err, want)
	}
	for _, q := range []orders.Query{{Name: "weather"}, {Name: "status", Service: "horoscope"}, {Name: "bill_by_month"}} {
		q.Caller = number(t, rich)
		if a, err := boss.Query(t.Context(), q); certainty(t, err) != "error" || !strings.Contains(err.Error(), "invalid_question") {
			t.Errorf("%s: %v, %v", q.Name, a.Result, err)
		}
	}
}

// An order that is carried out only after it was acknowledged, and was in progress, is a
// success within the call where it does not take too long.
func TestAcknowledgedAtThePeer(t *testing.T) {
	p := newPeer(t)
	boss := opened(t, p.url+"/tmf-api", func(o *tmf.Options) { o.Poll = 20 * time.Millisecond })
	if _, err := p.fault(t.Context(), `{"operation":"submit","mode":"async","delay_ms":300,"times":1}`); err != nil {
		t.Fatal(err)
	}
	o := orders.Order{Key: uuid.NewString(), Caller: number(t, rich), Service: "caller_id", Action: orders.Open, Price: 600}
	a, err := boss.Submit(soon(t, 15*time.Second), o)
	if err != nil || a.Result.String() != "success/confirmed" {
		t.Errorf("%v, %v", a.Result, err)
	}
	if n, err := p.effects(t.Context(), o.Key); n != 1 {
		t.Errorf("%d effects, %v", n, err)
	}
}

// A token that is not right is not applied, and not shown.
func TestWrongToken(t *testing.T) {
	p := newPeer(t)
	boss := opened(t, p.url+"/tmf-api", func(o *tmf.Options) { o.Token = "wrong-" + token })
	for _, ask := range askers(t, boss) {
		if a, err := ask.do(t.Context()); certainty(t, err) != "not sent" || !strings.Contains(err.Error(), "401") {
			t.Errorf("%s: %v, %v", ask.name, a.Result, err)
		}
	}
}
