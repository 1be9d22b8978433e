package bench

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/promptstest"
)

// shipped is the hotline with a second of silence for every prompt.
func shipped(t *testing.T) (*tree.Tree, *prompts.Catalog) {
	t.Helper()
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	audio, manifest := promptstest.Silence(texts, 1000)
	catalog, err := texts.WithAudio("/prompts", audio, manifest)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tree.Load(os.DirFS("../../menus"), "10086.yaml", func(id string) bool { return texts.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	return tree, catalog
}

func TestScript(t *testing.T) {
	tree, catalog := shipped(t)
	s, err := Write(tree, catalog, "3 # 1 # 3")
	if err != nil {
		t.Fatal(err)
	}
	var first []string
	for _, a := range s.Says {
		first = append(first, a.Prompts[0])
	}
	if got, want := strings.Join(first, " "), "main.welcome label.301 label.301 svc.caller_id svc.caller_id intro.caller_id"; got != want {
		t.Errorf("announcements %s, want %s", got, want)
	}
	if got, want := strings.Join(s.Nodes, " "), "main 3 301 3013"; got != want {
		t.Errorf("nodes %s, want %s", got, want)
	}
	if a := s.Says[1]; len(a.Files) != 18 || !strings.HasPrefix(a.Files[1], "/prompts/zh/menu.press-") || a.MS != 18000 {
		t.Errorf("the second announcement is %+v", a)
	}
}

// A key that does more than lead to an announcement cannot be compared.
func TestScriptRefuses(t *testing.T) {
	tree, catalog := shipped(t)
	for keys, why := range map[string]string{
		"1 1": "Ask", "3 1 1 1": "Submit", "3 *": "SetTimer", "0": "Ask", "4 2": "Speak",
	} {
		if _, err := Write(tree, catalog, keys); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("keys %q: %v, want %s", keys, err, why)
		}
	}
}

func TestDialplan(t *testing.T) {
	tree, catalog := shipped(t)
	s, err := Write(tree, catalog, "3 1 3 2") // the 2 is pressed during an introduction
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Dialplan()
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range s.Keys {
		_, after, found := strings.Cut(text, "[bench-menu-"+string(rune('0'+i))+"]")
		body, _, _ := strings.Cut(after, "\n[")
		to := "exten => " + string(key) + ",1,Goto(bench-menu-" + string(rune('1'+i)) + ",s,1)"
		if !found || strings.Count(body, to) != 1 {
			t.Errorf("key %c of menu %d leads nowhere in\n%s", key, i, body)
		}
	}
	for _, a := range s.Says {
		files := strings.Join(a.Files, "&")
		if !strings.Contains(text, "Background("+files+")") || !strings.Contains(text, "Playback("+files+")") {
			t.Errorf("%s is not played on both sides", files)
		}
	}
	s.Says[0].Files[0] = "/a&b/main"
	if _, err := s.Dialplan(); err == nil {
		t.Error("a path that the dialplan reads as two was taken")
	}
}

// Menus of the dialplan begin as a call to the hotline does, or the comparison is unfair.
func TestDialplanBeginsLikeTheHotline(t *testing.T) {
	hotline, err := os.ReadFile("../../deploy/asterisk/extensions.conf")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(nativeConf) {
		line = strings.TrimSpace(line)
		ours := strings.HasPrefix(line, "same => n,Set(") || strings.HasPrefix(line, "same => n,ExecIf(") || strings.HasPrefix(line, "exten => s,1,Set(")
		_, what, _ := strings.Cut(line, "Set(")
		if ours && !strings.Contains(string(hotline), what) {
			t.Errorf("extensions.conf has no %q", line)
		}
	}
}

func TestHold(t *testing.T) {
	_, catalog := shipped(t)
	text, err := os.ReadFile("../../menus/10086.yaml")
	if err != nil {
		t.Fatal(err)
	}
	held, err := Hold(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../menus")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hold.yaml"), held, 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := tree.Load(os.DirFS(dir), "hold.yaml", func(id string) bool { return catalog.Has("zh", id) })
	if err != nil {
		t.Fatal(err)
	}
	start := tree.Nodes[tree.Start]
	if !slices.Equal(tree.Dialled, []string{HoldNumber}) || start.Limits.FirstDigit != time.Minute || start.Limits.NoInput != 9 {
		t.Errorf("%v %+v", tree.Dialled, start.Limits)
	}
	if _, err := Hold([]byte("menu: x")); err == nil {
		t.Error("a menu without nodes was taken")
	}
}

func TestListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := Listener(l.Addr().String()); err != nil || pid != os.Getpid() {
		t.Errorf("process %d, %v; want %d", pid, err, os.Getpid())
	}
	addr := l.Addr().String()
	l.Close()
	if _, err := Listener(addr); !errors.Is(err, ErrNobody) {
		t.Errorf("of a closed port: %v", err)
	}
}

// TestMeter has this process and a child do work, and sees whose it was.
func TestMeter(t *testing.T) {
	m := Meter{Asterisk: os.Getpid(), Server: os.Getpid(), Postgres: os.Getpid()}
	before, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	// Kept for the clock to see its end: a child that has been waited for counts too.
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	after, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	spent := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	used := after.minus(before)
	if others := used.Postgres - used.Asterisk; others < spent-2*tick || others > spent+2*tick {
		t.Errorf("the child has used %v, the meter says %v", spent, others)
	}
	if used.Asterisk <= 0 || used.Server <= 0 {
		t.Errorf("this process has used %v and %v", used.Asterisk, used.Server)
	}
	if _, err := (Meter{Asterisk: 1 << 25}).Read(); err == nil { // above the kernel's highest process id
		t.Error("a process that is not there was measured")
	}
}

func TestJournalEntry(t *testing.T) {
	s := &Script{Keys: "31", Nodes: []string{"main", "3", "301"}}
	good := entry{reason: "hung_up", keys: "31", nodes: "main 3 301", last: "call_ended", test: true, steps: 17, first: 1, highest: 17, applications: 1}
	if why := good.wrong(s); why != "" {
		t.Error(why)
	}
	for what, spoil := range map[string]func(*entry){
		"missing":   func(e *entry) { *e = entry{} },
		"gap":       func(e *entry) { e.steps-- },
		"begin":     func(e *entry) { e.first = 2 },
		"keys":      func(e *entry) { e.keys = "3" },
		"nodes":     func(e *entry) { e.nodes = "main 3" },
		"reason":    func(e *entry) { e.reason = "media_lost" },
		"unfinshed": func(e *entry) { e.last = "left" },
		"open":      func(e *entry) { e.open = 1 },
		"none":      func(e *entry) { e.applications = 0 },
		"live":      func(e *entry) { e.test = false },
	} {
		bad := good
		spoil(&bad)
		if bad.wrong(s) == "" {
			t.Errorf("%s was not noticed", what)
		}
	}
}

func TestHeardAsWritten(t *testing.T) {
	r := &run{Options: Options{Script: &Script{Keys: "3", Says: []Announcement{{}, {Prompts: []string{"label.301"}}}}},
		same: map[string]string{"label.301": "label.301", "twin": "label.301"}}
	rec := func(next string) dialtest.Record {
		return dialtest.Record{EndedBy: "caller", Keys: []dialtest.Pressed{{Key: "3", Next: next}}}
	}
	for _, next := range []string{"label.301", "twin"} {
		if why := r.wrong(Native, rec(next)); why != "" {
			t.Error(why)
		}
	}
	cut := rec("label.301")
	cut.EndedBy = "switch"
	for _, bad := range []dialtest.Record{rec("main.welcome"), cut, {EndedBy: "caller"}, {Err: dialtest.ErrNobody}} {
		if r.wrong(Hotline, bad) == "" {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestSum(t *testing.T) {
	cpu := func(asterisk, server int) CPU {
		return CPU{Asterisk: time.Duration(asterisk) * time.Millisecond, Server: time.Duration(server) * time.Millisecond}
	}
	reactions := func(ms ...int) (d []time.Duration) {
		for _, v := range ms {
			d = append(d, time.Duration(v)*time.Millisecond)
		}
		return d
	}
	h := Half{batches: []*batch{
		{Arm: Native, Calls: 10, CPU: cpu(150, 0), reactions: reactions(4, 1, 2, 3), packets: 500},
		{Arm: Hotline, Calls: 10, CPU: cpu(160, 10), reactions: reactions(4, 4, 4, 9)},
		{Arm: Media, Calls: 10, CPU: cpu(110, 0)},
		{Arm: Hotline, Calls: 10, CPU: cpu(160, 10)},
		{Arm: Native, Calls: 10, CPU: cpu(150, 0)},
		{Arm: Media, Calls: 10, CPU: cpu(110, 0)},
	}}
	h.sum()
	n, o := h.Arms[Native], h.Arms[Hotline]
	if n.P50 != 2 || n.P99 != 4 || n.Max != 4 || n.Audio != .5 || n.CPU.Asterisk != 15 || o.CPU.Both() != 17 {
		t.Errorf("native %+v, hotline %+v", n, o)
	}
	if r := h.Ratios; r.P50 != 2 || r.P99 != 9./4 || r.CPU != 17./15 || r.Steps != 6./4 || len(r.CPURounds) != 2 {
		t.Errorf("%+v", r)
	}
}
