package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// standing answers as Asterisk 22.10 does, as far as a channel that was left behind goes.
type standing struct {
	mu        sync.Mutex
	asked     []string
	variables map[string]string
}

func (s *standing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	switch key := r.Method + " " + r.URL.Path; key {
	case "GET /ari/channels/1.1":
		fmt.Fprint(w, `{"id":"1.1","name":"PJSIP/trunk-1","caller":{"name":"","number":"13800000001"},"creationtime":"2026-11-23T03:08:06.117+0000",
			"dialplan":{"context":"hotline","exten":"start","priority":11,"app_name":"Stasis","app_data":"ivr-a,the-call,10086,13800000001,1,1800"}}`)
	case "GET /ari/channels/2.2":
		fmt.Fprint(w, `{"id":"2.2","dialplan":{"context":"agents","exten":"desk","priority":6,"app_name":"Queue","app_data":"desk,cb(agent-leg^s^1),,,60"}}`)
	case "POST /ari/asterisk/variable":
		s.variables[q.Get("variable")] = q.Get("value")
		w.WriteHeader(http.StatusNoContent)
	case "GET /ari/asterisk/variable":
		fmt.Fprintf(w, `{"value":%q}`, s.variables[q.Get("variable")])
	case "DELETE /ari/playbacks/p-5", "POST /ari/channels/1.1/move":
		body, _ := io.ReadAll(r.Body)
		s.asked = append(s.asked, key+" "+r.URL.RawQuery+string(body))
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func newStanding(t *testing.T) (*standing, *Conn) {
	t.Helper()
	s := &standing{variables: map[string]string{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	o := options(srv.URL)
	o.Log, o.Registerer = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	return s, New(o, nil)
}

func TestWhere(t *testing.T) {
	_, c := newStanding(t)
	a, inside, err := c.Where(t.Context(), "1.1")
	if err != nil || !inside || !slices.Equal(a.Args, []string{"the-call", "10086", "13800000001", "1", "1800"}) || a.Caller.String() != "138****0001" {
		t.Errorf("%+v, %v, %v", a, inside, err)
	}
	if want := time.Date(2026, 11, 23, 3, 8, 6, 117_000_000, time.UTC); !a.At.Equal(want) {
		t.Errorf("begun at %v, want %v", a.At, want)
	}
	for _, elsewhere := range []string{"2.2", "gone"} {
		if _, inside, err := c.Where(t.Context(), elsewhere); inside || err != nil {
			t.Errorf("%s: %v, %v", elsewhere, inside, err)
		}
	}
}

// TestFetch: what is played is ended before the channel is moved, which waits for it; that
// it has ended already, or the caller has hung up, is no failure.
func TestFetch(t *testing.T) {
	s, c := newStanding(t)
	if err := errors.Join(c.Hush(t.Context(), []string{"p-4", "p-5"}), c.Fetch(t.Context(), "1.1", []string{"the-call", "10086"})); err != nil {
		t.Fatal(err)
	}
	want := []string{"DELETE /ari/playbacks/p-5 ", "POST /ari/channels/1.1/move " + `{"app":"ivr-test","appArgs":"the-call,10086"}`}
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
	if err := c.Fetch(t.Context(), "gone", nil); err != nil {
		t.Error(err)
	}
	if left, err := c.Left(t.Context(), "nobody"); len(left) > 0 || err != nil {
		t.Errorf("%q, %v", left, err)
	}
}

// TestBeat: each sign of life is another one, under a name that the dialplan can read.
func TestBeat(t *testing.T) {
	s, c := newStanding(t)
	if got, err := c.Beat(t.Context(), "ivr-test"); got != "" || err != nil {
		t.Errorf("before the first: %q, %v", got, err)
	}
	var before string
	for range 2 {
		s.mu.Lock()
		clear(s.variables)
		s.mu.Unlock()
		beatOnce(t, c)
		got, err := c.Beat(t.Context(), "ivr-test")
		if got == "" || got == before || err != nil {
			t.Errorf("%q after %q, %v", got, before, err)
		}
		before = got
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.variables["HOTLINE_BEAT_ivr_test"]; !there {
		t.Errorf("set %v", s.variables)
	}
}

// beatOnce runs the beat until it has been heard.
func beatOnce(t *testing.T, c *Conn) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var beating sync.WaitGroup
	beating.Go(func() { c.beat(ctx) })
	until(t, "a sign of life", func() bool {
		got, err := c.Beat(t.Context(), "ivr-test")
		return err == nil && got != ""
	})
	cancel()
	beating.Wait()
}
