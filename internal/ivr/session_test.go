package ivr

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr/asterisk"
	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
)

// rig is a Server with one call, in fake time.
type rig struct {
	t      *testing.T
	server *Server
	line   *fakeLine
	desk   *fakeDesk
	notes  *notes
	player *transcript.Player // reads the lines; its Machine is not used
	begin  menu.Started       // what is known of the caller
	limit  time.Time
	test   string // "1" for a dial test
	args   []string
	cancel context.CancelFunc
}

const callID = "01900000-0000-7000-8000-000000000001"

func newRig(t *testing.T, c *Content) *rig {
	r := &rig{t: t, line: newFakeLine(), desk: newFakeDesk(), notes: newNotes(), player: transcript.New(c.Trees[0])}
	r.server = NewServer(Options{
		Desk: r.desk, Outside: outside{r}, Zone: time.UTC, Begin: func(Call, *tree.Tree) Record { return r.notes }, Limits: Limits{Live: 1}, Queues: []string{"desk", "english"},
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}, c)
	return r
}

// outside is as the transcript has said last. The time is the session's.
type outside struct{ r *rig }

func (o outside) Look(string, time.Time) (closed bool, notice string) {
	return o.r.player.Outside.Closed, o.r.player.Outside.Notice
}

func (o outside) Price(string) (orders.Money, bool) {
	return o.r.player.Outside.Price, o.r.player.Outside.Priced
}

func (o outside) Language(orders.MSISDN) string { return o.r.begin.Language }

func (r *rig) call() {
	caller := "13800000001"
	if r.begin.Anonymous {
		caller = ""
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.limit = time.Now().Add(1800 * time.Second)
	r.args = []string{callID, "10086", caller, cmp.Or(r.test, "0"), "1800"}
	r.server.Arrive(ctx, r.line, asterisk.Arrival{Args: r.args, At: time.Now()})
}

// resume lets the server take up a call that another one had.
func (r *rig) resume(past Past) {
	past.Record = func(Call, *tree.Tree) Record { return r.notes }
	past.Began = time.Now()
	r.resumeBy(func(context.Context, uuid.UUID) (Past, error) { return past, nil })
}

func (r *rig) resumeBy(recall Recall) {
	r.server.opt.Recall = recall
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.takeUp(ctx)
}

func (r *rig) takeUp(ctx context.Context) {
	r.args = []string{callID, "10086", "13800000001", "0", "1800"}
	call, err := newCall(asterisk.Arrival{Args: r.args, At: time.Now()})
	if err != nil {
		r.t.Fatal(err)
	}
	r.server.takeUp(ctx, r.line, call, r.args)
}

// end stops whatever of the call is left.
func (r *rig) end() {
	r.cancel()
	r.server.sessions.Wait()
	r.server.tasks.Wait()
}

// do makes the caller's (or the world's) side of a transcript line happen.
func (r *rig) do(line string) {
	over := len(r.server.Live()) == 0
	words := strings.Fields(line)
	switch {
	case words[0] == "call":
		r.begin = r.events(line)[0].(menu.Started)
		r.call()
	case words[0] == "resumed":
		r.resume(Past{Resumed: r.events(line)[0].(menu.Resumed)})
	case over:
	case words[0] == "press":
		for _, e := range r.events(line) {
			r.line.events <- asterisk.Digit{Key: e.(menu.Pressed).Key, At: time.Now()}
			synctest.Wait()
		}
	case words[0] == "played":
		<-r.line.finished
	case words[0] == "failed":
		r.line.fail()
		<-time.After(failureGrace)
	case words[0] == "silence":
		<-r.notes.elapsed
	case words[0] == "committed":
		r.desk.committed <- "order"
	case words[0] == "answer":
		r.desk.answers <- r.events(line)[0].(menu.Answered).Answer
	case words[0] == "profile":
		r.desk.profiles <- r.events(line)[0].(menu.Answered).Answer
	case words[0] == "seen":
		r.events(line) // the player keeps it
	case words[0] == "hangup":
		r.line.hangUp(time.Now())
	case words[0] == "timeout":
		r.line.hangUp(r.limit)
	case words[0] == "lost":
		r.line.events <- asterisk.Lost{At: time.Now()}
		<-time.After(silenceLimit + time.Second)
	case words[0] == "refused":
		r.line.events <- asterisk.RequestFailed{Request: asterisk.RequestContinue, At: time.Now()}
	case words[0] == "returned":
		r.line.events <- asterisk.Left{Continued: true, At: time.Now()}
		back := append(append([]string(nil), r.args...), "1", strings.Join(words[1:], ""))
		r.line.events <- asterisk.Returned{Args: back, At: time.Now()}
	case words[0] == "transferred":
		r.line.events <- asterisk.Left{Continued: true, At: time.Now()}
		r.line.leave(asterisk.Destroyed{At: time.Now()})
	case words[0] == "stopping":
		close(r.server.closing)
	default:
		r.t.Fatalf("no such line: %s", line)
	}
	synctest.Wait()
}

// events reads a line of the caller's side.
func (r *rig) events(line string) []menu.Event {
	events, err := r.player.Events(line)
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

// startAt waits until the time at which a transcript takes place: that of its first
// "> seen at=…", or of the player.
func (r *rig) startAt(text string) {
	at := r.player.Outside.At
	if _, line, found := strings.Cut(text, "> seen at="); found {
		line, _, _ = strings.Cut(line, "\n")
		line, _, _ = strings.Cut(line, " ")
		var err error
		if at, err = time.Parse("2006-01-02T15:04", line); err != nil {
			r.t.Fatal(err)
		}
	}
	<-time.After(time.Until(at))
}

// positions are left out of the comparison: a transcript gives them by hand, the
// session by the clock (TestHeard).
var positions = regexp.MustCompile(`(?m)( ends \S+| left to the desk) at .*?( \(|$)`)

// TestTranscriptsInFakeTime plays the transcripts of the menu against a whole
// session: switch, timers, Desk and record, with the clock of synctest.
func TestTranscriptsInFakeTime(t *testing.T) {
	content := shipped(t)
	files, err := filepath.Glob("../../menus/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, content)
				defer r.end()
				r.startAt(string(text))
				for _, block := range strings.Split(string(text), "\n> ")[1:] {
					said, want, _ := strings.Cut(strings.TrimSpace(block), "\n")
					r.do(said)
					got := strings.Join(r.notes.take(), "\n")
					if positions.ReplaceAllString(got, "$1$2") != positions.ReplaceAllString(want, "$1$2") {
						t.Fatalf("after %q the session does\n%s\nthe transcript says\n%s", said, got, want)
					}
				}
			})
		})
	}
}

func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		<-time.After(2400 * time.Millisecond) // welcome 1 s, the other language 1 s, label.1 0.4 s
		r.do("hangup")
		lines := r.notes.take()
		if want := "app 1 ends abandoned/during_prompt at main label.1 400ms 14%"; lines[len(lines)-2] != want {
			t.Errorf("got %q, want %q", lines[len(lines)-2], want)
		}
	})
}

// TestHeardUntilItBroke: what fails as the caller hangs up was heard until then.
func TestHeardUntilItBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		<-time.After(2400 * time.Millisecond)
		r.line.events <- asterisk.PlayFinished{ID: callID + "-1", Failed: true, At: time.Now()}
		<-time.After(failureGrace / 2)
		r.line.events <- asterisk.Left{At: time.Now()}
		synctest.Wait()
		lines := r.notes.take()
		if want := "app 1 ends abandoned/during_prompt at main label.1 400ms 14%"; lines[len(lines)-2] != want {
			t.Errorf("got %q, want %q", lines[len(lines)-2], want)
		}
	})
}

// TestHeardToItsEnd: the switch's clock and ours differ by a few frames; what came
// to its end was heard whole.
func TestHeardToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		<-time.After(16900 * time.Millisecond) // of 17 s
		r.line.events <- asterisk.PlayFinished{ID: callID + "-1", At: time.Now()}
		synctest.Wait()
		r.do("hangup")
		lines := r.notes.take()
		if want := "app 1 ends abandoned/after_prompt at main key.0 1000ms 100%"; lines[len(lines)-2] != want {
			t.Errorf("got %q, want %q", lines[len(lines)-2], want)
		}
	})
}

// TestAnnouncementWithoutEnd: Asterisk tells nothing of a file that it cannot play.
func TestAnnouncementWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.line.mute = true
		r.do("call")
		if reason := <-r.line.hungUp; reason != "normal" {
			t.Error(reason)
		}
		synctest.Wait()
		lines := r.notes.take()
		if got := lines[len(lines)-1]; got != "end media_lost" {
			t.Error(got)
		}
	})
}

// TestSwitchComesBack: what was being said is said again from its beginning.
func TestSwitchComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		r.line.events <- asterisk.Lost{At: time.Now()}
		<-time.After(4 * time.Second)
		r.line.events <- asterisk.Back{At: time.Now()}
		synctest.Wait()
		want := "play " + callID + "-1\nstop " + callID + "-1\nplay " + callID + "-1.1"
		if got := strings.Join(r.line.log, "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		<-r.line.finished
		r.do("press 1")
		if got := r.notes.take(); got[len(got)-1] != "play label.101 menu.press key.1 label.102 menu.press key.2 label.103 menu.press key.3 label.104 menu.press key.4 label.105 menu.press key.5 "+
			"label.106 menu.press key.6 label.107 menu.press key.7 label.108 menu.press key.8 menu.back menu.press key.star" {
			t.Error(got)
		}
		r.do("hangup")
	})
}

// TestOrderOutlivesItsCall: the caller hangs up, the Desk goes on.
func TestOrderOutlivesItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.test = "1"
		for _, line := range []string{"call", "press 3 1 1", "press 1", "hangup"} {
			r.do(line)
		}
		o := <-r.desk.orders
		if o.Key != callID+".1" || o.Service != "caller_id" || o.Action != orders.Open || o.Price != 600 || o.Caller.Reveal() != "13800000001" || !o.Test {
			t.Errorf("%+v", o)
		}
		for range 4 { // nobody reads it any more
			r.desk.committed <- "late"
		}
		r.desk.answers <- orders.Answer{} // still listening
	})
}

// TestOnAFullDisk: what cannot be recorded is said and asked all the same, but neither
// ordered nor tried as a password.
func TestOnAFullDisk(t *testing.T) {
	full := func(r *rig, is bool) {
		r.notes.mu.Lock()
		defer r.notes.mu.Unlock()
		r.notes.full = is
	}
	for name, c := range map[string]struct{ keys, refused, node string }{
		"an order": {"3 1 1", "1", "order.platform"}, "a password": {"1 2", "1 2 3 4 5 6 #", "query.platform"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer r.end()
				for _, line := range []string{"call", "press " + c.keys} {
					r.do(line)
				}
				full(r, true)
				r.do("press " + c.refused)
				full(r, false)
				<-r.line.finished // wait.please, to its end
				synctest.Wait()
				if said := strings.Join(r.notes.take(), "\n"); !strings.Contains(said, c.node) || !strings.Contains(said, "system_failed/platform") {
					t.Errorf("refused by\n%s", said)
				}
				select {
				case o := <-r.desk.orders:
					t.Errorf("the Desk got %+v", o)
				case <-r.desk.verified:
					t.Error("the Desk got the password")
				default:
				}
			})
		})
	}
}

// TestNothingLeavesUnrecorded: a killed server has told the journal all that its
// caller has heard.
func TestNothingLeavesUnrecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		asked := 0
		r.line.asked = func() {
			asked++
			if !r.notes.safe() {
				t.Error("a prompt leaves before it is recorded")
			}
		}
		for _, line := range []string{"call", "press 3 1", "hangup"} {
			r.do(line)
		}
		if asked != 3 {
			t.Errorf("%d prompts", asked)
		}
	})
}

// TestAKeyThatMayBeTheFirstOfTwo silences the prompt at once.
func TestAKeyThatMayBeTheFirstOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		r.do("press *")
		if got := strings.Join(r.line.log, "\n"); got != "play "+callID+"-1\nstop "+callID+"-1" {
			t.Error(got)
		}
		r.do("hangup")
	})
}

// TestCutWhileSaying: what is not told while the connection is cut has not failed.
func TestCutWhileSaying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.line.mute = true
		r.do("call")
		<-time.After(11*time.Second + mediaMargin/2)
		r.line.events <- asterisk.Lost{At: time.Now()}
		<-time.After(silenceLimit - time.Second)
		r.line.events <- asterisk.Back{At: time.Now()}
		synctest.Wait()
		if got := strings.Count(strings.Join(r.notes.take(), "\n"), "play "); got != 1 {
			t.Errorf("decided %d times to play", got)
		}
		r.do("hangup")
	})
}

// TestRefusedPlayCrossesAHangUp: Asterisk refuses a prompt for a channel that is
// going away before it tells that the caller has hung up. That is no lost media.
func TestRefusedPlayCrossesAHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		for _, key := range "31" {
			r.line.events <- asterisk.Digit{Key: byte(key), At: time.Now()}
			synctest.Wait()
		}
		for _, id := range []string{"-3", "-4"} { // a second attempt would be refused too
			r.line.events <- asterisk.RequestFailed{Request: asterisk.RequestPlay, ID: callID + id, Status: 404, At: time.Now()}
			synctest.Wait()
		}
		r.do("hangup")
		lines := r.notes.take()
		if got := lines[len(lines)-1]; got != "end hung_up" {
			t.Errorf("got %q", got)
		}
	})
}

// TestRefusedPlayIsTriedAgain: without a hang-up it is lost media.
func TestRefusedPlayIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, shipped(t))
		defer r.end()
		r.do("call")
		for _, id := range []string{"-1", "-2"} {
			r.line.events <- asterisk.RequestFailed{Request: asterisk.RequestPlay, ID: callID + id, Status: 500, At: time.Now()}
			<-time.After(failureGrace + time.Millisecond)
			synctest.Wait()
		}
		lines := r.notes.take()
		if got := lines[len(lines)-1]; got != "end media_lost" {
			t.Errorf("got %q", got)
		}
	})
}

// TestWithAPersonNoServerIsNeeded: a cut connection ends no conversation with an
// agent, however long it takes.
func TestWithAPersonNoServerIsNeeded(t *testing.T) {
	for name, ends := range map[string][]asterisk.Event{
		"ends after the connection is back": {asterisk.Back{}, asterisk.Destroyed{}},
		"ends in the gap":                   {asterisk.Vanished{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, shipped(t))
				defer r.end()
				for _, line := range []string{"call", "press 0", "played", "silence"} {
					r.do(line)
				}
				r.line.events <- asterisk.Left{Continued: true, At: time.Now()}
				r.line.events <- asterisk.Lost{At: time.Now()}
				<-time.After(10 * silenceLimit)
				synctest.Wait()
				for _, e := range ends {
					if len(r.line.hungUp) > 0 || len(r.server.Live()) != 1 {
						t.Fatal("the conversation has been ended")
					}
					r.line.events <- e
					synctest.Wait()
				}
				lines := r.notes.take()
				if got := lines[len(lines)-1]; got != "end transferred" || len(r.line.hungUp) > 0 {
					t.Errorf("got %q, hung up %d times", got, len(r.line.hungUp))
				}
			})
		})
	}
}
