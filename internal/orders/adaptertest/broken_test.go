package adaptertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/desk"
)

// broken is the skeleton with one thing done wrong.
type broken struct {
	desk.Adapter
	submit func(context.Context, orders.Order) (orders.Answer, error)
	lookup func(context.Context, string) (orders.Answer, error)
	query  func(context.Context, orders.Query) (orders.Answer, error)
	verify func(context.Context, orders.Verification) (orders.Answer, error)
	prices func(context.Context) (map[string]orders.Money, error)
	can    *orders.Capabilities
}

func (b *broken) Submit(ctx context.Context, o orders.Order) (orders.Answer, error) {
	if b.submit != nil {
		return b.submit(ctx, o)
	}
	return b.Adapter.Submit(ctx, o)
}

func (b *broken) Lookup(ctx context.Context, key string) (orders.Answer, error) {
	if b.lookup != nil {
		return b.lookup(ctx, key)
	}
	return b.Adapter.Lookup(ctx, key)
}

func (b *broken) Query(ctx context.Context, q orders.Query) (orders.Answer, error) {
	if b.query != nil {
		return b.query(ctx, q)
	}
	return b.Adapter.Query(ctx, q)
}

func (b *broken) Verify(ctx context.Context, v orders.Verification) (orders.Answer, error) {
	if b.verify != nil {
		return b.verify(ctx, v)
	}
	return b.Adapter.Verify(ctx, v)
}

func (b *broken) Prices(ctx context.Context) (map[string]orders.Money, error) {
	if b.prices != nil {
		return b.prices(ctx)
	}
	return b.Adapter.Prices(ctx)
}

func (b *broken) Capabilities() orders.Capabilities {
	if b.can != nil {
		return *b.can
	}
	return b.Adapter.Capabilities()
}

// wire changes what goes over it.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func through(a *adapter, change func(next http.RoundTripper, r *http.Request) (*http.Response, error)) {
	next := a.http.Transport
	a.http.Transport = wire(func(r *http.Request) (*http.Response, error) { return change(next, r) })
}

// reading is a transport that has each reply read, and replaced by what change makes of it.
func reading(a *adapter, change func(status int, body string) (int, string)) {
	through(a, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		status, body := change(resp.StatusCode, string(text))
		resp.StatusCode, resp.Body = status, io.NopCloser(strings.NewReader(body))
		return resp, nil
	})
}

// flaw is one mistake, and the check that must find it.
type flaw struct {
	name  string
	check string
	boss  func(*boss) // of the peer, where the mistake is only seen at a certain one
	spoil func(a *adapter, b *broken, log *slog.Logger)
}

var (
	confirmed = orders.Answer{Result: orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}}
	failed    = orders.Answer{Result: orders.Result{Outcome: orders.SystemFailed, Detail: orders.BossError}}
)

// onError has Submit do something else where it fails.
func onError(do func(ctx context.Context, a *adapter, o orders.Order, err error) (orders.Answer, error)) func(*adapter, *broken, *slog.Logger) {
	return func(a *adapter, b *broken, _ *slog.Logger) {
		b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
			answer, err := a.Submit(ctx, o)
			if err == nil {
				return answer, nil
			}
			return do(ctx, a, o, err)
		}
	}
}

// before has Submit send another order than it was given.
func before(change func(*orders.Order)) func(*adapter, *broken, *slog.Logger) {
	return func(a *adapter, b *broken, _ *slog.Logger) {
		b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
			change(&o)
			return a.Submit(ctx, o)
		}
	}
}

// after has Submit tell another answer than came.
func after(change func(orders.Answer) (orders.Answer, error)) func(*adapter, *broken, *slog.Logger) {
	return func(a *adapter, b *broken, _ *slog.Logger) {
		b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
			answer, err := a.Submit(ctx, o)
			if err != nil {
				return answer, err
			}
			return change(answer)
		}
	}
}

func submitFlaws() []flaw {
	return []flaw{
		{name: "sends a lost order again", check: "submit: reset after the effect", spoil: onError(
			func(ctx context.Context, a *adapter, o orders.Order, err error) (orders.Answer, error) {
				if errors.Is(err, orders.ErrAnswerLost) {
					return a.Submit(ctx, o)
				}
				return orders.Answer{}, err
			})},
		{name: "sends a lost order again to a BOSS that acts on it again", check: "submit: hang-up after the effect",
			boss: func(b *boss) { b.forgetful = true }, spoil: onError(
				func(ctx context.Context, a *adapter, o orders.Order, _ error) (orders.Answer, error) {
					return a.Submit(ctx, o)
				})},
		{name: "says of what was sent that it was not", check: "submit: late effect", spoil: onError(
			func(_ context.Context, _ *adapter, _ orders.Order, err error) (orders.Answer, error) {
				return orders.Answer{}, errors.Join(orders.ErrNotSent, errors.New(err.Error()))
			})},
		{name: "takes a time-out for not sent", check: "submit: late reply", spoil: onError(
			func(_ context.Context, _ *adapter, _ orders.Order, err error) (orders.Answer, error) {
				if errors.Is(err, context.DeadlineExceeded) {
					err = errors.Join(orders.ErrNotSent, context.DeadlineExceeded)
				}
				return orders.Answer{}, err
			})},
		{name: "says both at once", check: "submit: reset before the effect", spoil: onError(
			func(_ context.Context, _ *adapter, _ orders.Order, err error) (orders.Answer, error) {
				return orders.Answer{}, errors.Join(orders.ErrNotSent, orders.ErrAnswerLost)
			})},
		{name: "says nothing of what is certain", check: "submit: hang-up before the effect", spoil: onError(
			func(context.Context, *adapter, orders.Order, error) (orders.Answer, error) {
				return orders.Answer{}, errors.New("boss call failed")
			})},
		{name: "calls nobody listening a lost answer", check: "nobody listens", spoil: onError(
			func(_ context.Context, _ *adapter, _ orders.Order, _ error) (orders.Answer, error) {
				return orders.Answer{}, orders.ErrAnswerLost
			})},
		{name: "takes garbage for success", check: "submit: garbage before the effect", spoil: onError(
			func(context.Context, *adapter, orders.Order, error) (orders.Answer, error) { return confirmed, nil })},
		{name: "takes a status 500 for a final failure", check: "submit: 500 after the effect", spoil: onError(
			func(context.Context, *adapter, orders.Order, error) (orders.Answer, error) { return failed, nil })},
		{name: "takes accepted for success", check: "accepted is not success", spoil: after(
			func(a orders.Answer) (orders.Answer, error) {
				if a.Outcome == orders.Unknown {
					a.Result = confirmed.Result
				}
				return a, nil
			})},
		{name: "tells a refusal as an error", check: "orders", spoil: after(
			func(a orders.Answer) (orders.Answer, error) {
				if a.Outcome == orders.Rejected {
					return orders.Answer{}, fmt.Errorf("refused: %w", orders.ErrNotSent)
				}
				return a, nil
			})},
		{name: "answers outside the closed set", check: "orders", spoil: after(
			func(a orders.Answer) (orders.Answer, error) {
				if a.Outcome == orders.Rejected {
					a.Detail = "already there"
				}
				return a, nil
			})},
		{name: "forgets the key", check: "orders", spoil: before(func(o *orders.Order) { o.Key = uuid.NewString() })},
		{name: "uses one key for all", check: "orders", spoil: before(func(o *orders.Order) { o.Key = "a-key-of-mine" })},
		{name: "sends yuan where fen are meant", check: "paid order", spoil: before(func(o *orders.Order) { o.Price /= 100 })},
		{name: "drops what was typed", check: "queries", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.query = func(ctx context.Context, q orders.Query) (orders.Answer, error) {
				q.With = nil
				return a.Query(ctx, q)
			}
		}},
		{name: "ignores its ctx", check: "submit: no reply before the effect", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
				if err := ctx.Err(); err != nil {
					return orders.Answer{}, errors.Join(orders.ErrNotSent, err)
				}
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*time.Second)
				defer cancel()
				return a.Submit(ctx, o)
			}
		}},
		{name: "sends with no time left", check: "no time left", spoil: before2(func(ctx context.Context) context.Context {
			return context.WithoutCancel(ctx)
		})},
		{name: "mixes the answers of orders at once", check: "two keys at once", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			var mu sync.Mutex
			var last orders.Answer
			meet := make(chan struct{})
			b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
				answer, err := a.Submit(ctx, o)
				mu.Lock()
				last = answer
				mu.Unlock()
				select { // both have answered
				case meet <- struct{}{}:
				case <-meet:
				case <-time.After(time.Second):
				}
				mu.Lock()
				defer mu.Unlock()
				return last, err
			}
		}},
	}
}

func before2(change func(context.Context) context.Context) func(*adapter, *broken, *slog.Logger) {
	return func(a *adapter, b *broken, _ *slog.Logger) {
		b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) { return a.Submit(change(ctx), o) }
	}
}

func otherFlaws() []flaw {
	leaky := func(a *adapter, b *broken, _ *slog.Logger) {
		b.verify = func(ctx context.Context, v orders.Verification) (orders.Answer, error) {
			answer, err := a.Verify(ctx, v)
			if err != nil {
				err = fmt.Errorf("verify %s: %w", v.Password.Reveal(), err)
			}
			return answer, err
		}
	}
	return []flaw{
		{name: "quotes the password in an error", check: "ask: 200 with nothing", spoil: leaky},
		{name: "logs the number", check: "orders", spoil: func(a *adapter, b *broken, log *slog.Logger) {
			b.submit = func(ctx context.Context, o orders.Order) (orders.Answer, error) {
				log.Debug("order", "number", o.Caller.Reveal())
				return a.Submit(ctx, o)
			}
		}},
		{name: "puts the number into a URL", check: "orders", spoil: func(a *adapter, _ *broken, _ *slog.Logger) { a.url += "?msisdn=" + number }},
		{name: "lets in who it cannot ask for", check: "ask: 502 page of a gateway", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.verify = func(ctx context.Context, v orders.Verification) (orders.Answer, error) {
				if answer, err := a.Verify(ctx, v); err == nil {
					return answer, nil
				}
				return confirmed, nil
			}
		}},
		{name: "tells a wrong password as an error", check: "password", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.verify = func(ctx context.Context, v orders.Verification) (orders.Answer, error) {
				answer, err := a.Verify(ctx, v)
				if answer.Outcome == orders.AuthFailed {
					return orders.Answer{}, errors.New("401")
				}
				return answer, err
			}
		}},
		{name: "takes a gateway's 404 for not found", check: "look-up", spoil: func(a *adapter, _ *broken, _ *slog.Logger) {
			reading(a, func(status int, body string) (int, string) {
				if status == http.StatusNotFound {
					return http.StatusOK, `{"code":"unknown_key"}`
				}
				return status, body
			})
		}},
		{name: "takes any failure of a look-up for not found", check: "look-up", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.lookup = func(ctx context.Context, key string) (orders.Answer, error) {
				answer, err := a.Lookup(ctx, key)
				if err != nil {
					err = fmt.Errorf("look up %s: %w", key, orders.ErrNotFound)
				}
				return answer, err
			}
		}},
		{name: "declares a look-up that finds nothing", check: "orders", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.lookup = func(context.Context, string) (orders.Answer, error) { return orders.Answer{}, orders.ErrNotFound }
		}},
		{name: "declares a BOSS idempotent that is not", check: "orders", boss: func(b *boss) { b.forgetful = true }, spoil: func(*adapter, *broken, *slog.Logger) {}},
		{name: "declares prices and has none", check: "prices", spoil: func(_ *adapter, b *broken, _ *slog.Logger) {
			b.prices = func(context.Context) (map[string]orders.Money, error) { return nil, nil }
		}},
		{name: "tells prices that it declares not to have", check: "prices", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			can := a.Capabilities()
			can.Prices = false
			b.can = &can
		}},
		{name: "tells prices in yuan", check: "prices", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.prices = func(ctx context.Context) (map[string]orders.Money, error) {
				all, err := a.Prices(ctx)
				for service := range all {
					all[service] /= 100
				}
				return all, err
			}
		}},
		{name: "tells a balance in yuan", check: "queries", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.query = func(ctx context.Context, q orders.Query) (orders.Answer, error) {
				answer, err := a.Query(ctx, q)
				for name, v := range answer.Values {
					v.Number /= 100
					answer.Values[name] = v
				}
				return answer, err
			}
		}},
		{name: "gives values without a kind", check: "queries", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.query = func(ctx context.Context, q orders.Query) (orders.Answer, error) {
				answer, err := a.Query(ctx, q)
				for name, v := range answer.Values {
					answer.Values[name] = orders.Value{Word: fmt.Sprint(v.Number)}
				}
				return answer, err
			}
		}},
		{name: "answers a query from memory", check: "ask: 200 page of a gateway", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			b.query = func(ctx context.Context, q orders.Query) (orders.Answer, error) {
				answer, err := a.Query(ctx, q)
				if err != nil {
					return confirmed, nil
				}
				return answer, err
			}
		}},
		{name: "follows redirects", check: "submit: redirect 307", spoil: func(a *adapter, _ *broken, _ *slog.Logger) {
			a.http.CheckRedirect = nil
			through(a, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				resp, err := next.RoundTrip(again(r, body))
				if err == nil && resp.StatusCode == http.StatusTemporaryRedirect {
					to := again(r, body)
					if to.URL, err = resp.Location(); err == nil {
						_ = resp.Body.Close()
						return next.RoundTrip(to)
					}
				}
				return resp, err
			})
		}},
		{name: "has its client send again where a connection breaks", check: "submit: hang-up before the effect", spoil: func(a *adapter, _ *broken, _ *slog.Logger) {
			through(a, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				r = again(r, body)
				r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
				r.Header.Set("Idempotency-Key", "a") // which net/http takes as leave to repeat
				return next.RoundTrip(r)
			})
		}},
		{name: "reads without end", check: "submit: reply without end", spoil: func(a *adapter, _ *broken, _ *slog.Logger) {
			reading(a, func(status int, body string) (int, string) { return status, strings.TrimSpace(body) })
		}},
		{name: "leaves goroutines", check: "nothing is left running", spoil: func(a *adapter, b *broken, _ *slog.Logger) {
			stop := make(chan struct{})
			go func() { <-stop }()
		}},
		{name: "leaves replies open", check: "nothing is left running", spoil: func(a *adapter, _ *broken, _ *slog.Logger) {
			through(a, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				r2, err := http.NewRequest(r.Method, a.url, strings.NewReader(`{"do":"balance"}`))
				if err != nil {
					return nil, err
				}
				if _, err := next.RoundTrip(r2); err != nil { //nolint:bodyclose // is the mistake
					return nil, err
				}
				return next.RoundTrip(r)
			})
		}},
	}
}

func again(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// TestBrokenAdaptersFail: each mistake is found, by the check that is there for it.
func TestBrokenAdaptersFail(t *testing.T) {
	for _, f := range append(submitFlaws(), otherFlaws()...) {
		t.Run(f.name, func(t *testing.T) {
			b, p := newBoss(t)
			p.Connect = func(url string, log *slog.Logger) (desk.Adapter, func(), error) {
				a := newAdapter(url)
				spoilt := &broken{Adapter: a}
				f.spoil(a, spoilt, log)
				return spoilt, a.Close, nil
			}
			if f.boss != nil {
				f.boss(b)
			}
			found, err := adaptertest.Some(t.Context(), p, f.check)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				t.Fatalf("%q has found nothing", f.check)
			}
			for _, problem := range found {
				t.Log(problem)
				if strings.Contains(problem.Text, number) || strings.Contains(problem.Text, rightPIN) {
					t.Error("the report quotes what it complains of")
				}
			}
		})
	}
}
