package menu_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// row is a function of the operator's code table, testdata/service-codes.csv.
type row struct{ code, parent, kind, verb, service, name, keyword string }

// codeTable reads the table, in its order, which gives the keys.
func codeTable(t *testing.T) []row {
	t.Helper()
	f, err := os.Open("testdata/service-codes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, l := range lines[1:] {
		rows = append(rows, row{l[0], l[1], l[2], l[3], l[4], l[5], l[6]})
	}
	if len(rows) != 72 {
		t.Fatalf("the table has %d rows, not 72", len(rows))
	}
	return rows
}

// keysTo is the way to a code by keys: its ordinal among its siblings, and theirs above it.
func keysTo(rows []row, code string) string {
	for _, r := range rows {
		if r.code != code {
			continue
		}
		above := ""
		if r.parent != "" {
			above = keysTo(rows, r.parent)
		}
		return above + fmt.Sprint(slices.Index(children(rows, r.parent), code)+1)
	}
	return ""
}

// children are the codes below one, "" for those of the first menu.
func children(rows []row, code string) []string {
	var codes []string
	for _, r := range rows {
		if r.parent == code {
			codes = append(codes, r.code)
		}
	}
	return codes
}

// TestCodeTable walks to every function of the code table, by keys and by speed dial,
// enters what is asked for on the way, and compares what the hotline does with the row.
func TestCodeTable(t *testing.T) {
	hotline, rows := hotline(t), codeTable(t)
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for _, way := range []string{keysTo(rows, r.code), "#" + r.code + "#"} {
			t.Run(r.name+" "+way, func(t *testing.T) {
				w := &walker{t: t, tree: hotline, texts: texts, Player: transcript.New(hotline)}
				w.do("call")
				w.do("press " + way)
				w.fulfil()
				w.compare(r, children(rows, r.code))
			})
		}
	}
	// What the table does not have, nobody may order or ask.
	known := map[string]bool{}
	for _, r := range rows {
		known[r.code] = true
	}
	for code, node := range hotline.Codes {
		if !known[code] {
			t.Errorf("#%s# leads to node %s, and is not in the table", code, node)
		}
	}
}

// walker is a caller who answers whatever he is asked, until the hotline does something.
type walker struct {
	*transcript.Player
	t     *testing.T
	tree  *tree.Tree
	texts *prompts.Catalog

	entered []string
	said    []prompts.Ref
	submit  *menu.Submit
	ask     *menu.Ask
	closed  []orders.Result
}

// do plays one line of a caller's side.
func (w *walker) do(line string) {
	w.t.Helper()
	events, err := w.Events(line)
	if err != nil {
		w.t.Fatalf("%s: %v", line, err)
	}
	for _, e := range events {
		for _, f := range w.Step(e) {
			switch f := f.(type) {
			case menu.Entered:
				w.entered = append(w.entered, f.Node)
			case menu.Play:
				w.said = f.Refs
				w.speakable()
			case menu.Submit:
				w.submit = &f
			case menu.Ask:
				if f.App != 0 {
					w.ask = &f
				}
			case menu.AppClosed:
				w.closed = append(w.closed, f.Result)
			}
		}
	}
}

// speakable: what is said can be said in every language, values included.
func (w *walker) speakable() {
	w.t.Helper()
	for _, lang := range w.tree.Languages {
		if _, err := w.texts.Fragments(lang, w.said); err != nil {
			w.t.Error(err)
		}
	}
}

// typed is an entry of each kind; the identity number has a true check character.
var typed = map[entry.Kind]string{
	entry.Amount: "10*50", entry.Month: "2610", entry.Phone: "13800000001", entry.IDCard: "11010519491231002*", entry.Password: "135790",
}

// fulfil enters what the present node asks for, until it asks for nothing more.
func (w *walker) fulfil() {
	for range 12 {
		n := w.tree.Nodes[w.Machine.Node()]
		switch {
		case w.submit != nil || w.ask != nil:
			return
		case w.Asking():
			w.do("profile success/confirmed brand=word:全球通 star=count:3")
			w.do("played")
		case n.Auth != nil && w.Waiting():
			w.do("answer success/confirmed")
			w.do("played")
		case n.Auth != nil:
			w.do("press " + typed[entry.Password] + "#")
		case n.Collect != nil:
			w.do("press " + typed[n.Collect.Entry] + "#")
			if n.Collect.ReadBack {
				w.do("press 1")
			}
		case n.Order != nil:
			w.do("press 1")
		default:
			return
		}
	}
	w.t.Fatalf("it goes on asking; the last nodes were %v", w.entered)
}

// compare holds what came of the walk to the row of the table.
func (w *walker) compare(r row, below []string) {
	w.t.Helper()
	action := orders.Action(r.verb)
	switch r.kind {
	case "order", "password":
		if w.submit == nil || w.submit.Service != r.service || w.submit.Action != action {
			w.t.Fatalf("orders %+v, want %s %s", w.submit, r.verb, r.service)
		}
		w.asksFor(r, w.submit.With)
		w.do("answer success/confirmed")
		w.do("played")
		if want := []prompts.Ref{w.tree.Phrases.Done[action]}; !slices.Equal(w.said, want) {
			w.t.Errorf("says %v, want %v", w.said, want)
		}
	case "query":
		w.compareQuery(r)
	case "info":
		if want := w.tree.Services[r.service].Intro; !slices.Equal(w.said, want) || len(want) == 0 {
			w.t.Fatalf("says %v, want %v", w.said, want)
		}
		return
	case "menu":
		w.compareMenu(r.code, below)
		return
	default:
		w.t.Fatalf("no such kind %q", r.kind)
	}
	if !slices.Equal(w.closed, []orders.Result{{Outcome: orders.Success, Detail: orders.Confirmed}}) {
		w.t.Errorf("ends as %v", w.closed)
	}
}

// compareQuery answers what is asked with a value for each that the menu reads.
func (w *walker) compareQuery(r row) {
	w.t.Helper()
	name, service := r.service, ""
	if r.verb == "status" {
		name, service = "status", r.service
	}
	if w.ask == nil || w.ask.Query != name || w.ask.Service != service {
		w.t.Fatalf("asks %+v, want %s %s", w.ask, name, service)
	}
	w.asksFor(r, w.ask.With)
	answer := "answer success/confirmed"
	var want []prompts.Ref
	for _, p := range w.tree.Nodes[w.Machine.Node()].Query.Answer {
		switch {
		case p.Value == "":
			want = append(want, p.Ref)
		case p.Services:
			answer += " " + p.Value + "=list:caller_id,fetion"
			want = append(want, prompts.Prompt("svc.caller_id"), prompts.Prompt("svc.fetion"))
		case p.Words != nil:
			word := slices.Sorted(maps.Keys(p.Words))[0]
			answer += " " + p.Value + "=word:" + word
			want = append(want, p.Words[word])
		default:
			kind, n := string(p.Ref.Read), int64(1234)
			switch p.Ref.Read {
			case prompts.Number, prompts.Digits:
				kind = "count"
			case prompts.Date:
				n = 20261001
			case prompts.Month:
				n = 202610
			case prompts.Time:
				n = 1830
			}
			answer += fmt.Sprintf(" %s=%s:%d", p.Value, kind, n)
			want = append(want, prompts.Ref{Read: p.Ref.Read, N: n})
		}
	}
	w.do(answer)
	w.do("played")
	if !slices.Equal(w.said, want) {
		w.t.Errorf("%s: says %v, want %v", answer, w.said, want)
	}
	w.do("played")
}

// asksFor: what the table's text message carries is what the caller has been asked for.
func (w *walker) asksFor(r row, with orders.With) {
	w.t.Helper()
	want := map[string]entry.Kind{}
	for mark, param := range map[string]string{
		"#xx.xx": "amount", "#yymm": "month", "#[手机号码]": "phone", "#[身份证号码]": "id_card", "#[原密码]": "old_password", "#[新密码]": "new_password",
	} {
		if strings.Contains(r.keyword, mark) {
			kind := entry.Kind(param)
			if strings.HasSuffix(param, "_password") {
				kind = entry.Password
			}
			want[param] = kind
		}
	}
	got := map[string]entry.Kind{}
	for param, e := range with {
		got[param] = e.Kind()
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("is sent with %v, want %v", got, want)
	}
}

// compareMenu: the menu of a code offers what is below it in the table, on the keys of
// the ordinals, and nothing else.
func (w *walker) compareMenu(code string, below []string) {
	w.t.Helper()
	n := w.tree.Nodes[w.Machine.Node()]
	if n.ID != code || n.Menu == nil {
		w.t.Fatalf("leads to node %s, which is a %s", n.ID, n.Type)
	}
	var got, want []string
	for _, o := range n.Menu.Options {
		got = append(got, o.Key+" → "+o.To)
	}
	for i, c := range below {
		want = append(want, fmt.Sprintf("%d → %s", i+1, c))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("offers %v, want %v", got, want)
	}
}

// TestCatalogueKeepsTheTable: names and keywords of the services are those of the table.
func TestCatalogueKeepsTheTable(t *testing.T) {
	hotline := hotline(t)
	seen := map[string]bool{}
	for _, r := range codeTable(t) {
		s := hotline.Services[r.service]
		if s == nil {
			if r.kind == "order" || r.kind == "password" || r.kind == "info" || r.verb == "status" {
				t.Errorf("%s %s: no service %q in the catalogue", r.code, r.name, r.service)
			}
			continue
		}
		seen[r.service] = true
		if s.Names["en"] == "" {
			t.Errorf("%s has no English name", s.ID)
		}
		if r.kind == "menu" {
			if !strings.Contains(r.name, s.Names["zh"]) {
				t.Errorf("%s: %s is called %q in the catalogue", r.code, r.name, s.Names["zh"])
			}
			if s.Code != "" && s.Code != r.code && r.code != "3038" { // the introductions have a menu of their own
				t.Errorf("%s: the menu of %s is %s in the catalogue", r.code, s.ID, s.Code)
			}
			continue
		}
		if names := namesOf(r.verb, s.Names["zh"]); !slices.Contains(names, r.name) {
			t.Errorf("%s: the catalogue's name makes it %v, the table's is %s", r.code, names, r.name)
		}
		if got, want := keywordsOf(r.verb, s.Keyword), arguments.ReplaceAllString(r.keyword, ""); !slices.Contains(got, want) {
			t.Errorf("%s %s: the keyword is %s, the catalogue's stem makes it %v", r.code, r.name, want, got)
		}
	}
	for id := range hotline.Services {
		if !seen[id] {
			t.Errorf("service %s is not in the table", id)
		}
	}
}

// namesOf is what a function may be called: the verb and the service's name.
func namesOf(verb, name string) []string {
	short := strings.TrimPrefix(name, "服务") // 服务密码 is 密码 where it is clear
	return map[string][]string{
		"open": {"开通" + name, "定制" + name}, "close": {"取消" + name}, "introduce": {"介绍" + name}, "status": {name + "状态查询"},
		"apply": {short + "申请"}, "change": {short + "修改"}, "reset": {short + "重置"},
	}[verb]
}

// arguments are what a text message carries besides its keyword, and the mark between them.
var arguments = regexp.MustCompile(`#xx\.xx|#yymm|#\[[^]]*\]|#`)

// keywordsOf is what a text message may begin with: the verb's letters and the stem.
func keywordsOf(verb, stem string) []string {
	var all []string
	for _, prefix := range map[string][]string{
		"open": {"KT", "DZ"}, "close": {"QX"}, "introduce": {"JS"}, "status": {"CX"}, "apply": {"SQ"}, "change": {"BG"}, "reset": {"CZ"},
	}[verb] {
		all = append(all, arguments.ReplaceAllString(prefix+stem, ""))
	}
	return all
}

// TestTexts: every prompt that the hotline says exists in each of its languages, and
// none is there that nobody says.
func TestTexts(t *testing.T) {
	texts, err := prompts.Load(os.DirFS("../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	hotline := hotline(t)
	used := map[string]bool{}
	for _, ref := range refsIn(reflect.ValueOf(*hotline)) {
		if ref.ID == "" {
			continue // a value, or nothing
		}
		used[ref.ID] = true
		for _, lang := range hotline.Languages {
			if texts.Text(lang, ref) == "" {
				t.Errorf("%s: %s has no text in %s", hotline.Name, ref, lang)
			}
		}
	}
	// Who else speaks: the switch itself, ops with their notices, and keys that are read back.
	others := regexp.MustCompile(`^(sys\.|notice\.|key\.)|^agent\.none$`)
	for _, lang := range hotline.Languages {
		for _, e := range texts.Entries(lang) {
			if e.Pos.File != "" && !used[e.ID] && !others.MatchString(e.ID) {
				t.Errorf("%s: nobody says %s", e.Pos, e.ID)
			}
		}
	}
}

// refsIn finds every Ref in a value.
func refsIn(v reflect.Value) (refs []prompts.Ref) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			refs = refsIn(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			refs = append(refs, refsIn(v.Index(i))...)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			refs = append(refs, refsIn(v.MapIndex(k))...)
		}
	case reflect.Struct:
		if ref, ok := v.Interface().(prompts.Ref); ok {
			return []prompts.Ref{ref}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				refs = append(refs, refsIn(v.Field(i))...)
			}
		}
	}
	return refs
}

// TestTranscriptsTellEverything: every type of node and everything that the engine itself
// says, each error by its cause, comes up in a transcript.
func TestTranscriptsTellEverything(t *testing.T) {
	files, err := filepath.Glob("../../menus/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	hotline := hotline(t)
	types, said := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			switch {
			case len(words) == 2 && words[0] == "node":
				types[hotline.Nodes[words[1]].Type] = true
			case len(words) > 0 && words[0] == "play":
				for _, w := range words[1:] {
					said[w] = true
				}
			}
		}
	}
	for _, ref := range refsIn(reflect.ValueOf(hotline.Phrases)) {
		if ref.ID != "" && !said[ref.String()] {
			t.Errorf("no transcript in which %s is said", ref)
		}
	}
	for id, n := range hotline.Nodes {
		if !types[n.Type] {
			t.Errorf("no transcript comes to a %s, such as %s", n.Type, id)
			types[n.Type] = true
		}
	}
}
