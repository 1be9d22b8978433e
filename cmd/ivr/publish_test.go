package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/journal/journaltest"
	"hotline/internal/menu"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/prompts/promptstest"
	"hotline/internal/releases"
)

// newPool has a database of its own, dropped after the test.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	t.Setenv("HTTP_ADDR", "127.0.0.1:1") // no server that happens to run here
	return journaltest.Pool(t)
}

// smallMenu asks for 1 for ever; "version" is said at each step, so that a call tells
// which menus it has from its first word to its last.
const smallMenu = `menu: "10086"
dialled: ["10086"]
languages: [zh]
start: main
phrases: {press: p.press, no_input: p.no_input, invalid: p.invalid, gave_up: p.gave_up, stopping: p.stopping}
nodes:
  main: {type: menu, options: [{key: 1, say: version, to: sub}]}
  sub: {type: menu, options: [{key: 1, say: version, to: main}]}
`

const smallTexts = "version: %s\np.press: 请按\nkey.1: 一\np.no_input: 您没有按键\np.invalid: 按键无效\np.gave_up: 再见\np.stopping: 系统维护\n"

// exchange is a server without a telephone network, its folder, and its audio.
type exchange struct {
	t      *testing.T
	at     place
	served *served
	broken atomic.Int64
	said   *sync.Map // the version, by the file that says it
}

func newExchange(t *testing.T) *exchange {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir) // what has been proved is noted there
	x := &exchange{t: t, served: &served{}, said: &sync.Map{}}
	x.at = place{
		menus: filepath.Join(dir, "menus"), texts: filepath.Join(dir, "prompts"), audio: filepath.Join(dir, "audio"),
		play: proveHere, make: x.record,
	}
	x.edit("零版", true)
	return x
}

// record is the voice: 20 ms a text, and the version is known again by its file.
func (x *exchange) record(_ context.Context, o build.Options) (prompts.Manifest, error) {
	m := prompts.Manifest{}
	for _, lang := range o.Texts.Languages() {
		m[lang] = map[string]prompts.Audio{}
		for _, e := range o.Texts.Entries(lang) {
			data := []byte(e.ID + e.Text + strings.Repeat("\xd5", 20*prompts.ALaw.BytesPerMS()))[:20*prompts.ALaw.BytesPerMS()]
			a := promptstest.Audio(lang, e.ID, e.Text, data)
			if err := releases.NewSounds(o.AudioDir).Put(a, data); err != nil {
				return nil, err
			}
			if e.ID == "version" {
				x.said.Store(strings.TrimSuffix(a.File, path.Ext(a.File)), e.Text)
			}
			m[lang][e.ID] = a
		}
	}
	return m, nil
}

// learn notes what is live, which another voice has made.
func (x *exchange) learn(text string) {
	for _, sound := range x.served.played() {
		if strings.HasPrefix(sound.Name, "zh/version-") {
			x.said.Store(strings.TrimSuffix(sound.Name, path.Ext(sound.Name)), text)
		}
	}
}

// save writes a file as editors do.
func (x *exchange) save(file, content string) {
	x.t.Helper()
	err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file+"~", []byte(content), 0o644), os.Rename(file+"~", file))
	if err != nil {
		x.t.Fatal(err)
	}
}

// edit makes a version of the folder: good, or with a mistake.
func (x *exchange) edit(text string, good bool) {
	x.save(filepath.Join(x.at.texts, "zh.yaml"), fmt.Sprintf(smallTexts, text))
	menu := smallMenu
	if !good {
		menu = strings.Replace(menu, "to: sub", "to: nowhere", 1)
	}
	x.save(filepath.Join(x.at.menus, "10086.yaml"), menu)
}

// open serves until the test ends.
func (x *exchange) open(t *testing.T, pool *pgxpool.Pool) *releases.Keeper {
	log := slog.New(slog.DiscardHandler)
	keeper, err := x.served.keep(t.Context(), x.at, "", pool, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	x.served.by(ivr.Options{
		Limits: ivr.Limits{Live: 1000}, Log: log, Registerer: prometheus.NewRegistry(),
		Begin: func(ivr.Call, *tree.Tree) ivr.Record { return &ending{broken: &x.broken} },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { keeper.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	return keeper
}

// ending is the record of a call: it counts ends that are not the caller's.
type ending struct{ broken *atomic.Int64 }

func (*ending) Event(time.Time, menu.Event, bool) {}
func (e *ending) Effect(_ time.Time, f menu.Effect) {
	if end, ok := f.(menu.End); ok && end.Reason != menu.HungUp {
		e.broken.Add(1)
	}
}
func (*ending) Flush() error { return nil }

// phone is a caller's channel. What is played takes a moment, and is then said to the
// caller.
type phone struct {
	events chan asterisk.Event
	gone   chan struct{}
	heard  chan []string
}

func (p *phone) Events() <-chan asterisk.Event { return p.events }
func (p *phone) Gone() <-chan struct{}         { return p.gone }
func (p *phone) Play(id string, media []string, _ string) {
	p.events <- asterisk.PlayStarted{ID: id, At: time.Now()}
	time.AfterFunc(5*time.Millisecond, func() {
		p.events <- asterisk.PlayFinished{ID: id, At: time.Now()}
		p.heard <- media
	})
}
func (*phone) Stop(string)                                     {}
func (p *phone) Continue(c, exten string, _ map[string]string) { p.heard <- []string{c + " " + exten} }
func (p *phone) Hangup(string)                                 { p.heard <- []string{"hung up"} }

// call goes through some steps and hangs up. It gives the version that it was served
// with; an error says how it was disturbed.
func (x *exchange) call(ctx context.Context, steps int) (version string, err error) {
	p := &phone{make(chan asterisk.Event, 64), make(chan struct{}), make(chan []string, 64)}
	x.served.server.Load().Arrive(ctx, p, asterisk.Arrival{Args: []string{uuid.NewString(), "10086", "0", "1800"}, At: time.Now()})
	defer func() {
		p.events <- asterisk.Left{At: time.Now()}
		close(p.gone)
		for media := range p.heard { // what was still to be said, and then the end
			if media[0] == "hung up" {
				return
			}
		}
	}()
	for range steps {
		select {
		case media := <-p.heard:
			said, known := x.said.Load(strings.TrimPrefix(media[0], "sound:"+x.at.audio+"/"))
			if !known || version != "" && version != said {
				return version, fmt.Errorf("a call that began with %s hears %q", version, media)
			}
			version = said.(string)
			p.events <- asterisk.Digit{Key: '1', At: time.Now()}
		case <-time.After(10 * time.Second):
			return version, errors.New("silence")
		}
	}
	return version, nil
}

// within waits until new calls are served with a version, and tells how long that took.
func (x *exchange) until(t *testing.T, version string) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Minute { // seconds on a machine that is busy
		got, err := x.call(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got == version {
			return time.Since(began)
		}
	}
	t.Fatalf("no call is served with %s", version)
	return 0
}

// TestAThousandPublicationsDisturbNobody: calls go on while good menus are published
// and taken back, and bad ones refused, by command and by saving. None of them is
// ended, or hears a word of other menus than those it began with.
func TestAThousandPublicationsDisturbNobody(t *testing.T) {
	const publications, byCommand = 1000, 980
	pool := newPool(t)
	x := newExchange(t)
	keeper := x.open(t, pool)
	store := releases.NewStore(pool)

	calling, hangUp := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var calls atomic.Int64
	for caller := range 20 {
		callers.Go(func() {
			for calling.Err() == nil {
				if _, err := x.call(t.Context(), 10+caller); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	var slowest, saved time.Duration
	good, bad := 0, 0
	live := "零版"
	draft := newExchange(t) // edited elsewhere, published by command
	draft.said = x.said
	for i := range publications {
		text := fmt.Sprintf("第%d版", i)
		where, fine := draft, i%2 == 0
		if i >= byCommand {
			where = x
		}
		where.edit(text, fine)
		if where == draft {
			err := publish(t.Context(), &bytes.Buffer{}, store, where.at, authorFlags{author: "li", json: true})
			if (err == nil) != fine {
				t.Fatalf("publication %d: %v", i, err)
			}
		}
		switch {
		case fine:
			took := x.until(t, text)
			slowest = max(slowest, took)
			if where == x {
				saved = max(saved, took)
			}
			live, good = text, good+1
		case where == x:
			for len(keeper.Status().Refused) == 0 {
				x.until(t, live) // calls are served while it is looked at
			}
			bad++
		default:
			bad++
		}
	}
	x.until(t, live)
	hangUp()
	callers.Wait()
	t.Logf("%d good and %d bad publications, %d calls; the slowest was live after %v, by saving %v", good, bad, calls.Load(), slowest.Round(time.Millisecond), saved.Round(time.Millisecond))
	if n := x.broken.Load(); n > 0 {
		t.Errorf("%d calls were ended by the server", n)
	}
	if calls.Load() < publications {
		t.Errorf("%d calls only", calls.Load())
	}
}
