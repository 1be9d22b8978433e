package dialtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// needs gives the environment's settings of the real Asterisk. Where there is
// none the test is skipped, but never where it has to run.
func needs(t *testing.T, names ...string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, name := range names {
		if env[name] = os.Getenv(name); env[name] != "" {
			continue
		}
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatalf("%s is not set; run 'make test'", name)
		}
		t.Skipf("%s is not set; run 'make test'", name)
	}
	return env
}

// pbx is a real Asterisk with a little application of our own behind it: it
// plays the playlist of a key in place of the one that is running.
type pbx struct {
	t     *testing.T
	env   map[string]string
	app   string
	dir   string // where its recordings are, as Asterisk sees them
	lists map[string][]string
	audio *Audio
	told  chan [2]string // channel and key, "" at its end
	args  chan []string  // of each call, from the dialplan: id, number dialled, caller, test
}

// startPBX writes the clips where Asterisk can read them and starts answering.
// lists are recordings by key; "" is what a caller hears first; a key without a
// list hangs up, and one whose list is nil does nothing.
func startPBX(t *testing.T, clips []*Clip, lists map[string][]string) *pbx {
	p := &pbx{t: t, app: "dialtest-" + uuid.NewString()[:8], lists: lists, args: make(chan []string, 100), told: make(chan [2]string, 1000),
		env: needs(t, "SIP_ADDR", "DIALTEST_TOKEN", "ARI_URL", "ARI_USER", "ARI_PASSWORD", "AUDIO")}
	p.dir = filepath.Join(p.env["AUDIO"], p.app)
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	manifest := prompts.Manifest{"zh": {}}
	for _, c := range clips {
		if err := os.WriteFile(filepath.Join(p.dir, c.ID+".alaw"), c.alaw, 0o644); err != nil {
			t.Fatal(err)
		}
		manifest["zh"][c.ID] = prompts.Audio{File: c.ID + ".alaw", SHA256: prompts.Hash(c.alaw), Codec: prompts.ALaw, MS: len(c.alaw) / bytesPerMS, Text: "text of " + c.ID}
	}
	list, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, prompts.ManifestFile), list, 0o644); err != nil {
		t.Fatal(err)
	}
	if p.audio, err = LoadAudio(os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	p.serve()
	return p
}

// serve opens the application and answers its events until the test ends.
func (p *pbx) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	to := "ws" + strings.TrimPrefix(p.env["ARI_URL"], "http") + "/events?" +
		url.Values{"app": {p.app}, "api_key": {p.env["ARI_USER"] + ":" + p.env["ARI_PASSWORD"]}}.Encode()
	ws, _, err := websocket.Dial(ctx, to, nil)
	if err != nil {
		p.t.Fatalf("open ARI events: %v", err)
	}
	ws.SetReadLimit(1 << 20)
	over := make(chan struct{})
	go func() {
		defer close(over)
		playing := map[string]string{}
		for {
			_, data, err := ws.Read(ctx)
			if err != nil {
				return
			}
			var ev struct {
				Type, Digit string
				Channel     struct{ ID string }
				Args        []string
			}
			if json.Unmarshal(data, &ev) != nil {
				continue
			}
			if ev.Type == "StasisStart" {
				p.args <- ev.Args
			}
			if ev.Type == "ChannelDtmfReceived" || ev.Type == "StasisEnd" {
				p.told <- [2]string{ev.Channel.ID, ev.Digit}
			}
			if ev.Type == "StasisStart" || ev.Type == "ChannelDtmfReceived" {
				p.turn(ctx, playing, ev.Channel.ID, ev.Digit)
			}
		}
	}()
	p.t.Cleanup(func() { cancel(); ws.CloseNow(); <-over })
}

// turn stops what is playing and plays the key's list.
func (p *pbx) turn(ctx context.Context, playing map[string]string, channel, key string) {
	list, known := p.lists[key]
	if known && list == nil {
		return
	}
	if id := playing[channel]; id != "" {
		p.ari(ctx, "DELETE", "/playbacks/"+id, nil)
	}
	if !known {
		p.ari(ctx, "DELETE", "/channels/"+channel, nil)
		return
	}
	media := make([]string, len(list))
	for i, id := range list {
		media[i] = "sound:" + filepath.Join(p.dir, id)
	}
	playing[channel] = uuid.NewString()
	p.ari(ctx, "POST", "/channels/"+channel+"/play/"+playing[channel], url.Values{"media": {strings.Join(media, ",")}})
}

// ari sends one request. A 404 is a channel or playback that was over before.
func (p *pbx) ari(ctx context.Context, method, path string, query url.Values) {
	req, err := http.NewRequestWithContext(ctx, method, p.env["ARI_URL"]+path+"?"+query.Encode(), nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	req.SetBasicAuth(p.env["ARI_USER"], p.env["ARI_PASSWORD"])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			p.t.Errorf("%s %s: %v", method, path, err)
		}
		return
	}
	res.Body.Close()
	if res.StatusCode >= 300 && res.StatusCode != http.StatusNotFound {
		p.t.Errorf("%s %s: %s", method, path, res.Status)
	}
}

func (p *pbx) caller(lean bool) *Caller {
	c, err := New(Options{Addr: p.env["SIP_ADDR"], Token: p.env["DIALTEST_TOKEN"], Audio: p.audio, Lean: lean})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			p.t.Errorf("close the caller: %v", err)
		}
	})
	return c
}

func (p *pbx) call() Call { return Call{From: number(p.t, "13800000001"), To: "10086", App: p.app} }

func number(t *testing.T, digits string) orders.MSISDN {
	n, err := orders.ParseMSISDN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func inWords(line []Heard) string {
	var b strings.Builder
	for _, h := range line {
		b.WriteString(h.Prompt)
		if h.Whole {
			b.WriteByte('.')
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func TestRealCallIsHeardBitByBit(t *testing.T) {
	// "odd" is no whole number of frames: what follows it is not aligned.
	p := startPBX(t, []*Clip{welcome, menu, please1, please2, odd, one}, map[string][]string{
		"":  {"main.welcome", "odd", "main.menu", "main.menu"},
		"1": {"please.1", "n.1", "main.menu"},
		"2": {"please.2"},
	})
	s, err := p.caller(false).Dial(testContext(t), p.call())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := <-p.args, []string{s.CallID(), "10086", "13800000001", "1", "1800"}; !slices.Equal(got, want) {
		t.Errorf("the dialplan says %q, want %q", got, want)
	}
	pressed, err := s.Walk(testContext(t), Walk{Keys: Each("12"), Listen: 1500 * time.Millisecond})
	if err != nil {
		t.Fatalf("%v; heard %+v", err, s.Heard())
	}
	if err := s.AwaitQuiet(testContext(t), 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	got := inWords(s.Heard())
	if want := "main.welcome. odd. main.menu please.1. n.1. main.menu please.2."; got != want {
		t.Errorf("heard %s\nwant  %s", got, want)
		for _, h := range s.Heard() {
			t.Logf("%+v", h)
		}
	}
	for _, k := range pressed {
		t.Logf("key %s: %v to %s", k.Key, k.Reaction, k.Next)
		if k.Reaction <= 0 || k.Reaction > time.Second {
			t.Errorf("key %s: reaction of %v", k.Key, k.Reaction)
		}
	}
	if _, err := s.Press(testContext(t), '*', 40*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Ended():
	case <-testContext(t).Done():
		t.Fatal("key without a list: the switch did not hang up")
	}
	if s.EndedBy() != "switch" {
		t.Errorf("ended by %q", s.EndedBy())
	}
	came, missing := s.Lost()
	t.Logf("%d packets, %d missing", came, missing)
	if err := s.Hangup(testContext(t)); err != nil {
		t.Errorf("hang up what has ended: %v", err)
	}
	if _, err := s.Press(testContext(t), '1', 0); !errors.Is(err, ErrEnded) {
		t.Errorf("press after the end: %v", err)
	}
}

func TestRealKeysArriveOnceAndInOrder(t *testing.T) {
	lists := map[string][]string{"": {"n.1"}}
	for _, key := range "0123456789*#ABCD" {
		lists[string(key)] = []string{"n.1"}
	}
	p := startPBX(t, []*Clip{one}, lists)
	s, err := p.caller(false).Dial(testContext(t), p.call())
	if err != nil {
		t.Fatal(err)
	}
	// Every key is answered by one playback, so 16 keys make 17.
	pressed, err := s.Walk(testContext(t), Walk{Keys: Each(telephone), Listen: 250 * time.Millisecond, Length: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.AwaitQuiet(testContext(t), overAfter), s.Hangup(testContext(t))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(inWords(s.Heard()), "n.1."); got != 17 || len(pressed) != 16 {
		t.Errorf("%d keys, %d playbacks: %s", len(pressed), got, inWords(s.Heard()))
	}
}

func TestRealLoad(t *testing.T) {
	p := startPBX(t, []*Clip{welcome, menu, please1}, map[string][]string{"": {"main.welcome", "main.menu"}, "1": {"please.1", "main.menu"}, "2": {"main.menu"}})
	const n = 60
	c := p.caller(true)
	var records []Record
	begin := time.Now()
	c.Load(testContext(t), Plan{Rate: 20, N: n, Call: func(i int) (Call, Walk) {
		call := p.call()
		call.From = number(t, fmt.Sprintf("138%08d", i))
		return call, Walk{Keys: Each("1212"), Listen: 300 * time.Millisecond, Length: 40 * time.Millisecond}
	}}, func(r Record) { records = append(records, r) })
	if len(records) != n {
		t.Fatalf("%d records of %d calls", len(records), n)
	}
	var reactions []time.Duration
	for _, r := range records {
		if r.Err != nil || len(r.Keys) != 4 || r.EndedBy != "caller" {
			t.Errorf("call %d: %d keys, ended by %q: %v", r.Number, len(r.Keys), r.EndedBy, r.Err)
		}
		for _, k := range r.Keys {
			reactions = append(reactions, k.Reaction)
		}
	}
	if len(reactions) == 0 {
		t.Fatal("no key was answered")
	}
	slices.SortFunc(reactions, cmp.Compare)
	t.Logf("%d calls in %v, key to prompt: median %v, worst %v", n, time.Since(begin), reactions[len(reactions)/2], reactions[len(reactions)-1])
}
