package ivr

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"os"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
)

// promptMS is how long every prompt takes in fake time.
const promptMS = 1000

// fakeLine is the switch of fake-time tests: it plays what it is told for as long
// as the audio takes. TestFakeLineIsHonest compares it with a recorded trace.
type fakeLine struct {
	events   chan asterisk.Event
	gone     chan struct{}
	finished chan string // names of playbacks that came to their end by themselves

	mu        sync.Mutex
	plays     map[string]*time.Timer
	current   string
	log       []string
	hungUp    chan string
	went      chan string
	variables map[string]string // of the last Continue
	asked     func()            // called before anything is asked of the switch, if set
	mute      bool              // tells nothing of playbacks, as Asterisk of a file that it cannot play
}

func newFakeLine() *fakeLine {
	return &fakeLine{
		events: make(chan asterisk.Event, 64), gone: make(chan struct{}), finished: make(chan string, 64),
		plays: map[string]*time.Timer{}, hungUp: make(chan string, 8), went: make(chan string, 8),
	}
}

func (l *fakeLine) Events() <-chan asterisk.Event { return l.events }
func (l *fakeLine) Gone() <-chan struct{}         { return l.gone }

func (l *fakeLine) Play(id string, media []string, stop string) {
	if l.asked != nil {
		l.asked()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop(stop)
	l.log = append(l.log, "play "+id)
	l.current = id
	if l.mute {
		return
	}
	l.events <- asterisk.PlayStarted{ID: id, At: time.Now()}
	l.plays[id] = time.AfterFunc(time.Duration(len(media))*promptMS*time.Millisecond, func() {
		l.events <- asterisk.PlayFinished{ID: id, At: time.Now()}
		l.finished <- id
	})
}

func (l *fakeLine) Stop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop(id)
}

// stop ends a playback as Asterisk does: its end is told, and is no failure.
func (l *fakeLine) stop(id string) {
	if t := l.plays[id]; t != nil && t.Stop() {
		l.events <- asterisk.PlayFinished{ID: id, At: time.Now()}
		l.log = append(l.log, "stop "+id)
	}
	delete(l.plays, id)
}

// fail ends the present playback with a failure.
func (l *fakeLine) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plays[l.current].Stop()
	l.events <- asterisk.PlayFinished{ID: l.current, Failed: true, At: time.Now()}
}

func (l *fakeLine) Continue(context, exten string, variables map[string]string) {
	l.variables = variables
	l.went <- context + " " + exten
}
func (l *fakeLine) Hangup(reason string) { l.hungUp <- reason }

// leave ends the channel with the event that says why. As in Asterisk, what is
// being played fails first.
func (l *fakeLine) leave(e asterisk.Event) {
	l.mu.Lock()
	if t := l.plays[l.current]; t != nil && t.Stop() {
		l.events <- asterisk.PlayFinished{ID: l.current, Failed: true, At: time.Now()}
	}
	l.mu.Unlock()
	l.events <- e
	close(l.gone)
}

// hangUp is the caller's, or the dialplan's.
func (l *fakeLine) hangUp(at time.Time) {
	l.events <- asterisk.HangupRequested{At: at}
	l.leave(asterisk.Left{At: at})
}

// fakeDesk answers when the test says so.
type fakeDesk struct {
	committed chan string
	answers   chan orders.Answer
	profiles  chan orders.Answer // to what the Machine asks for itself
	orders    chan orders.Order
	verified  chan orders.Verification
}

func newFakeDesk() *fakeDesk {
	return &fakeDesk{make(chan string), make(chan orders.Answer), make(chan orders.Answer), make(chan orders.Order, 8), make(chan orders.Verification, 8)}
}

func (d *fakeDesk) Submit(ctx context.Context, o orders.Order, committed func(string)) orders.Answer {
	d.orders <- o
	for {
		select {
		case id := <-d.committed:
			committed(id)
		case a := <-d.answers:
			return a
		case <-ctx.Done():
			return orders.Answer{}
		}
	}
}

func (d *fakeDesk) Ask(ctx context.Context, q orders.Query) orders.Answer {
	if q.Application == "" {
		return answered(ctx, d.profiles)
	}
	return answered(ctx, d.answers)
}

func answered(ctx context.Context, answers chan orders.Answer) orders.Answer {
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
		return orders.Answer{}
	}
}

func (d *fakeDesk) Verify(ctx context.Context, v orders.Verification) orders.Answer {
	d.verified <- v
	return answered(ctx, d.answers)
}

// notes is a Record that tells the test what was recorded.
type notes struct {
	mu      sync.Mutex
	lines   []string
	keys    string     // as recorded; "_" for a secret one
	heard   menu.Heard // of the announcement that the last key came into
	unsafe  int        // effects recorded since the last Flush
	full    bool       // nothing can be recorded
	elapsed chan struct{}
}

func newNotes() *notes { return &notes{elapsed: make(chan struct{}, 64)} }

func (n *notes) Event(_ time.Time, e menu.Event, secret bool) {
	if key, ok := e.(menu.Pressed); ok {
		n.mu.Lock()
		if secret {
			key.Key = '_'
		}
		n.keys += string(key.Key)
		n.heard = key.Heard
		n.mu.Unlock()
	}
	if _, ok := e.(menu.Elapsed); ok {
		n.elapsed <- struct{}{}
	}
}

func (n *notes) Effect(_ time.Time, e menu.Effect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, transcript.Line(e))
	n.unsafe++
}

func (n *notes) Flush() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.full {
		return errors.New("no space left on device")
	}
	n.unsafe = 0
	return nil
}

// safe tells whether everything recorded would survive this process.
func (n *notes) safe() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.unsafe == 0
}

// take gives the lines since the last take.
func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}

// shipped loads the shipped hotline with audio of promptMS for every prompt.
func shipped(t testing.TB) *Content {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	audio, manifest := promptstest.Silence(texts, promptMS)
	catalog, err := texts.WithAudio("/prompts", audio, manifest)
	if err != nil {
		t.Fatal(err)
	}
	hotline, err := tree.Load(os.DirFS("../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return &Content{Trees: []*tree.Tree{hotline}, Prompts: catalog}
}
