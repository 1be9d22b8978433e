package diff

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
)

// texts is a catalogue; ids that it does not have are shown as they are.
func texts(t *testing.T, yaml string) *prompts.Catalog {
	t.Helper()
	c, err := prompts.Load(fstest.MapFS{"zh.yaml": {Data: []byte(yaml)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// small is a menu with a node of every type.
func small() *tree.Tree {
	refs := func(ids ...string) (r []prompts.Ref) {
		for _, id := range ids {
			r = append(r, prompts.Prompt(id))
		}
		return r
	}
	limits := tree.Limits{FirstDigit: 6 * time.Second, InterDigit: time.Second, EntryDigit: 4 * time.Second, NoInput: 2, Invalid: 2, Total: 3, Then: "desk"}
	t := &tree.Tree{
		Name: "m", Dialled: []string{"10086"}, Languages: []string{"zh"}, Start: "main", Agent: "desk", SpeedDial: "#",
		Keys: map[string]tree.Meaning{"*": tree.Back, "0": tree.Agent}, Codes: map[string]string{"31": "open", "32": "sum"},
		Services: map[string]*tree.Service{"x": {ID: "x", Names: map[string]string{"zh": "X"}, Say: prompts.Prompt("svc.x"),
			Intro: refs("intro.x"), Price: 600, Verbs: []string{"open"}, Keyword: "X", Brands: []string{"全球通"}}},
		Calendars: map[string]*tree.Calendar{"h": {Week: [7][]tree.Span{1: {{From: 480, To: 1080}}}, Days: map[string][]tree.Span{"2026-10-01": {}, "2026-10-02": {{From: 600, To: 960}}}}},
		Nodes: map[string]*tree.Node{
			"main": {Type: "menu", Menu: &tree.Menu{Greeting: refs("hi"), Intro: refs("intro"), Hint: refs("hint"), Handling: true, Options: []tree.Option{
				{Key: "1", Label: refs("label.auth"), To: "auth"}, {Key: "2", Label: refs("label.sum"), To: "col"},
				{Key: "3", Label: refs("label.sw"), To: "sw"}, {Key: "4", Label: refs("label.lang"), To: "lang"},
				{Key: "5", Label: refs("label.text"), To: "text", Quiet: true},
			}}},
			"auth": {Type: "auth", Auth: &tree.Auth{Say: refs("pw"), Then: "open"}},
			"open": {Type: "order", Order: &tree.Order{Service: "x", Action: orders.Open, Confirm: true, With: map[string]string{"a": "b"}, Then: "rate"}},
			"col": {Type: "collect", Collect: &tree.Collect{Say: refs("month"), Entry: entry.Month, Fewest: 4, Most: 4, Terminator: "#", Into: "month",
				SameAs: "other", ReadBack: true, Then: "sum"}},
			"sum": {Type: "query", Query: &tree.Query{Name: "bill", Service: "x", With: map[string]string{"month": "month"}, Then: "rate", Answer: []tree.Part{
				{Ref: prompts.Prompt("sum.is")}, {Value: "sum", Ref: prompts.Ref{Read: prompts.Money}},
				{Value: "state", Words: map[string]prompts.Ref{"open": prompts.Prompt("st.open")}}, {Value: "all", Services: true, Ref: prompts.Prompt("none")}}}},
			"sw":   {Type: "switch", Switch: &tree.Switch{On: tree.ByCalendar, Name: "h", Cases: map[string]string{"open": "text"}, Else: "bye"}},
			"lang": {Type: "language", Language: &tree.Language{Choices: []tree.Choice{{Key: "1", Language: "zh", Say: refs("lang.zh")}}, Then: "set"}},
			"set":  {Type: "language", Language: &tree.Language{Set: "zh", Then: "main"}},
			"text": {Type: "say", Say: &tree.Say{Refs: refs("long"), Then: "main"}},
			"rate": {Type: "survey", Survey: &tree.Survey{Say: refs("rate"), Then: "bye"}},
			"bye":  {Type: "hangup", Hangup: &tree.Hangup{Say: refs("bye")}},
			"desk": {Type: "transfer", Transfer: &tree.Transfer{Queue: "desk", Say: refs("wait"), Priority: true, Hours: "h", Callback: true, Then: "rate", Else: "main"}},
		},
	}
	for id, n := range t.Nodes {
		n.ID, n.BargeIn, n.Limits = id, true, limits
		n.Again, n.NoInput, n.Invalid = refs("again"), refs("no"), refs("bad")
	}
	t.Phrases.Press, t.Phrases.NoInput = prompts.Prompt("press"), refs("no1", "no2")
	t.Phrases.Done = map[orders.Action]prompts.Ref{orders.Open: prompts.Prompt("opened")}
	t.Phrases.Results = map[orders.Result]prompts.Ref{{Outcome: orders.Rejected, Detail: orders.AlreadyOpen}: prompts.Prompt("already")}
	return t
}

func compared(t *testing.T, old, new *tree.Tree) *Report {
	t.Helper()
	c := texts(t, "press: 请按\n")
	return Compare(Side{Tree: old, Texts: c}, Side{Tree: new, Texts: c})
}

// unheard are fields that callers do not notice, or that only move with others. (The
// first node has to be a menu, which a changed name is none; N is said of numbers only,
// which no menu's file holds.)
var unheard = []string{"Start", "Name", "Version", "Files", "Waive", "Serves", "Type", "ID", "Pos", "Code", "DialledAt", "LanguagesAt", "File", "Line", "Col", "N"}

// change sets the n-th field of what v holds to something else, and tells its path; n
// is counted down.
func change(v reflect.Value, path string, n *int) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return change(v.Elem(), path, n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !slices.Contains(unheard, name) {
				if at := change(v.Field(i), path+"."+name, n); at != "" {
					return at
				}
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if at := change(v.Index(i), fmt.Sprintf("%s[%d]", path, i), n); at != "" {
				return at
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, key := range keys {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			if at := change(value, fmt.Sprintf("%s[%v]", path, key), n); at != "" {
				v.SetMapIndex(key, value)
				return at
			}
		}
	default:
		if *n--; *n >= 0 {
			return ""
		}
		return path + changed(v)
	}
	return ""
}

func changed(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "9")
	default:
		v.SetInt(v.Int() + 1)
	}
	return fmt.Sprint(" = ", v)
}

// meaningless is what no menu says: limits of nodes that wait for nothing, the
// reading of a word, how a number is written that only a call can say.
var meaningless = regexp.MustCompile(`Nodes\[(bye|desk|set|sum|sw|text)\]\.Limits|Answer\[0\]\.Services|Answer\[[23]\]\.Ref\.(Read|In)|\.(As|Zeros) =`)

// TestNothingEscapes changes every property of every type of node, one at a time:
// each is noticed, and a menu is the same as itself.
func TestNothingEscapes(t *testing.T) {
	if r := compared(t, small(), small()); !r.Same() {
		t.Fatalf("not the same as itself: %+v", r.Changes)
	}
	seen := 0
	for n := 0; ; n++ {
		left, edited := n, small()
		path := change(reflect.ValueOf(edited).Elem(), "", &left)
		if path == "" {
			break
		}
		seen++
		if r := compared(t, small(), edited); r.Same() && !meaningless.MatchString(path) {
			t.Errorf("%s is not noticed", path)
		}
	}
	if seen < 300 {
		t.Errorf("%d properties, too few", seen)
	}
}

// find gives the changes of a group as one text.
func find(r *Report, g Group) string {
	var b strings.Builder
	for _, c := range r.Changes {
		if c.Group == g {
			fmt.Fprintf(&b, "%s|%s|%s|%s\n", c.Where, c.What, c.Old, c.New)
		}
	}
	return b.String()
}

// TestInWords: what an author would say of the change.
func TestInWords(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*tree.Tree)
		group Group
		want  string
	}{
		"key moved": {func(m *tree.Tree) { m.Nodes["main"].Menu.Options[1].Key = "7" }, Keys, "main|\"label.sum\" is on key|2|7\n"},
		"keys swapped": {func(m *tree.Tree) {
			o := m.Nodes["main"].Menu.Options
			o[0].Key, o[1].Key = "2", "1"
		}, Keys, "main|\"label.auth\" is on key|1|2\nmain|\"label.sum\" is on key|2|1\n"},
		"option gone": {func(m *tree.Tree) { m.Nodes["main"].Menu.Options = m.Nodes["main"].Menu.Options[:4] }, Keys, "main|key 5 is gone|label.text|\n"},
		"first menu": {func(m *tree.Tree) {
			m.Nodes["new"] = &tree.Node{ID: "new", Type: "menu", Menu: &tree.Menu{Options: []tree.Option{{Key: "1", To: "main"}}}}
			m.Start = "new"
		}, Functions, ""},
		"price":         {func(m *tree.Tree) { m.Services["x"].Price = 500 }, Prices, "service x svc.x|yuan a month|6.00|5.00\n"},
		"function gone": {func(m *tree.Tree) { delete(m.Nodes, "sum"); m.Nodes["col"].Collect.Then = "bye" }, Functions, "sum bill svc.x|gone|2 <month> 1|\n"},
		"retries":       {func(m *tree.Tree) { m.Nodes["rate"].Limits.NoInput = 1 }, Errors, "rate rate|further attempts after no key|2|1\n"},
		"phrase":        {func(m *tree.Tree) { m.Phrases.NoInput[1].ID = "no3" }, Errors, "phrases|says when no key comes|no1no2|no1no3\n"},
		"no error":      {func(m *tree.Tree) { m.Phrases.Press.ID = "push" }, Spoken, "phrases|says for press|请按|push\n"},
		"confirmation":  {func(m *tree.Tree) { m.Nodes["open"].Order.Confirm = false }, Course, "open open svc.x|asks a second time, with the price|yes|no\n"},
		"hours":         {func(m *tree.Tree) { m.Calendars["h"].Week[1][0].To = 1440 }, Course, "hours h|on Monday|08:00-18:00|08:00-24:00\n"},
		"holiday":       {func(m *tree.Tree) { delete(m.Calendars["h"].Days, "2026-10-01") }, Course, "hours h|on 2026-10-01|none|\n"},
		"case":          {func(m *tree.Tree) { m.Nodes["sw"].Switch.Cases["open"] = "bye" }, Course, "sw label.sw|with open, goes to|text|bye\n"},
		"code":          {func(m *tree.Tree) { m.Codes["31"] = "sum" }, Keys, "|code 31 leads to|open open svc.x|sum bill svc.x\n"},
		"quiet":         {func(m *tree.Tree) { m.Nodes["main"].Menu.Options[4].Quiet = false }, Keys, "main|key 5 (label.text)|not announced|announced\n"},
	} {
		t.Run(name, func(t *testing.T) {
			edited := small()
			c.edit(edited)
			if got := find(compared(t, small(), edited), c.group); got != c.want {
				t.Errorf("%s:\n%swant\n%s", c.group, got, c.want)
			}
		})
	}
}

// TestRenumbered: another id is no other function. Its callers press another key.
func TestRenumbered(t *testing.T) {
	edited := small()
	n := edited.Nodes["open"]
	n.ID = "3011"
	delete(edited.Nodes, "open")
	edited.Nodes["3011"], edited.Codes["31"], edited.Nodes["auth"].Auth.Then = n, "3011", "3011"
	if r := compared(t, small(), edited); !r.Same() {
		t.Errorf("%+v", r.Changes)
	}
}

// TestSameWordsUnderAnotherID is nothing that callers notice.
func TestSameWordsUnderAnotherID(t *testing.T) {
	c := texts(t, "hi: 您好\nhello: 您好\nbye: 再见\n")
	edited := small()
	edited.Nodes["main"].Menu.Greeting[0].ID = "hello"
	if r := Compare(Side{Tree: small(), Texts: c}, Side{Tree: edited, Texts: c}); !r.Same() {
		t.Errorf("%+v", r.Changes)
	}
	other := texts(t, "hi: 您好\nbye: 谢谢\n")
	r := Compare(Side{Tree: small(), Texts: c}, Side{Tree: small(), Texts: other})
	if got := find(r, Prompts); got != "bye|says in zh|再见|谢谢\n" || len(r.Changes) != 1 {
		t.Errorf("%s%+v", got, r.Changes)
	}
}

// TestWays adds up keys and seconds by hand.
func TestWays(t *testing.T) {
	recorded := prompts.Manifest{"zh": {}}
	c := texts(t, "hi: 您好\nintro: 好\nlabel.auth: 开通\npress: 请按\nkey.1: 一\npw: 密码\nsvc.x: 彩铃\nlabel.sum: 账单\nkey.2: 二\nmonth: 月份\n")
	for i, e := range c.Entries("zh") {
		recorded["zh"][e.ID] = prompts.Audio{MS: 1000 + i}
	}
	ms := func(ids ...string) int {
		total := 0
		for _, id := range ids {
			total += recorded["zh"][id].MS
		}
		return total
	}
	r := Compare(Side{small(), c, nil}, Side{small(), c, recorded})
	ways := map[string]Way{}
	for _, w := range r.Ways {
		ways[w.Function] = w
	}
	first := ms("hi", "intro", "label.auth", "press", "key.1")
	open := Path{"1 <password> 1", 8, 8*perPress + first + ms("pw") + ms("svc.x", "n.6", "u.yuan", "press", "key.1")}
	sum := Path{"2 <month> 1", 6, 6*perPress + first + ms("label.sum", "press", "key.2", "month") + ms("press", "key.1")}
	agent := Path{"0", 1, 0}
	for function, want := range map[string]Path{"open open 彩铃": open, "sum bill 彩铃": sum, "desk wait": agent} {
		got := ways[function].New
		if function == "desk wait" {
			got.MS = 0 // hears all of the first menu
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v (of %v)", function, got, want, slices.Sorted(maps.Keys(ways)))
		}
	}
	if r.Recorded < 40 || r.Recorded > 99 { // one side of two
		t.Errorf("%d %% recorded", r.Recorded)
	}
}

// TestShipped: the hotline is the same as itself, and each of its functions has a way.
func TestShipped(t *testing.T) {
	c, err := prompts.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := tree.Load(os.DirFS("../../../menus"), "10086.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Compare(Side{Tree: m, Texts: c}, Side{Tree: m, Texts: c})
	if !r.Same() {
		t.Errorf("%+v", r.Changes)
	}
	functions := 0
	for _, n := range m.Nodes {
		if n.Order != nil || n.Query != nil {
			functions++
		}
	}
	for _, w := range r.Ways {
		if w.New.Presses == 0 || w.New.MS == 0 {
			t.Errorf("%+v", w)
		}
	}
	if len(r.Ways) < functions {
		t.Errorf("%d ways for %d functions", len(r.Ways), functions)
	}
}
