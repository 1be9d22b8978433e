package tree_test

import (
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

// loadWhole loads the good menu that has everything.
func loadWhole(t *testing.T) *tree.Tree {
	t.Helper()
	menu, err := tree.Load(whole(t), "menu.yaml", written)
	if err != nil {
		t.Fatal(err)
	}
	if len(menu.Warnings) > 0 {
		t.Errorf("warnings of the good menu:\n%v", menu.Warnings)
	}
	return menu
}

// TestEveryTypeIsRead: each type of node says what was written.
func TestEveryTypeIsRead(t *testing.T) {
	menu := loadWhole(t)
	p := func(ids ...string) []prompts.Ref {
		refs := make([]prompts.Ref, len(ids))
		for i, id := range ids {
			refs[i] = prompts.Prompt(id)
		}
		return refs
	}
	in := func(lang, id string) prompts.Ref { return prompts.Ref{ID: id, In: lang} }
	for id, want := range map[string]any{
		"person.zh":  &tree.Transfer{Queue: "desk", QueueAt: menu.Nodes["person.zh"].Transfer.QueueAt, Priority: true, Hours: "agents", Callback: true, Then: "rating", Else: "main"},
		"person.en":  &tree.Transfer{Queue: "english", QueueAt: source.Pos{File: "menu.yaml", Line: 36, Col: 38}, Say: p("person.english")},
		"person":     &tree.Switch{On: tree.ByLanguage, Cases: map[string]string{"zh": "person.zh", "en": "person.en"}},
		"rating":     &tree.Survey{Say: p("ask.survey"), Then: "bye"},
		"bye":        &tree.Hangup{Say: p("sys.goodbye")},
		"101":        &tree.Auth{Then: "101.query"},
		"103":        &tree.Collect{Say: p("ask.month"), Entry: entry.Month, Fewest: 4, Most: 4, Terminator: "#", Into: "month", ReadBack: true, Then: "103.query"},
		"1061":       &tree.Collect{Say: p("ask.amount"), Entry: entry.Amount, Fewest: 1, Most: 9, Into: "amount", Then: "1061.order"},
		"203":        &tree.Collect{Say: p("ask.pin"), Entry: entry.Password, Fewest: 4, Most: 8, Terminator: "#", Into: "pin", Secret: true, Then: "203.again"},
		"203.order":  &tree.Order{Service: "service_password", Action: orders.Change, With: map[string]string{"new_password": "pin"}},
		"1061.order": &tree.Order{Service: "reminder", Action: orders.Open, With: map[string]string{"amount": "amount"}},
		"103.query": &tree.Query{Name: "bill_by_month", With: map[string]string{"month": "month"}, Answer: []tree.Part{
			{Value: "month", Ref: prompts.Ref{Read: prompts.Month}}, {Value: "until", Ref: prompts.Ref{Read: prompts.Date}},
			{Value: "count", Ref: prompts.Ref{Read: prompts.Number}}, {Value: "code", Ref: prompts.Ref{Read: prompts.Digits}},
			{Value: "state", Words: map[string]prompts.Ref{"open": prompts.Prompt("status.open"), "1": prompts.Prompt("status.closed")}},
			{Value: "list", Ref: prompts.Prompt("services.none"), Services: true},
		}},
		"by-star": &tree.Switch{On: tree.ByStar, Cases: map[string]string{"4": "rating", "5": "rating"}, Else: "by-hour"},
		"by-hour": &tree.Switch{On: tree.ByCalendar, Name: "agents", Cases: map[string]string{"open": "by-code", "closed": "bye", "holiday": "bye"}},
		"by-what": &tree.Switch{On: tree.ByVariable, Name: "code", Cases: map[string]string{"1": "rating"}, Else: "bye"},
		"english": &tree.Language{Set: "en"},
		"3013":    &tree.Say{Refs: p("intro.special")},
	} {
		if got := only1(menu.Nodes[id]); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", id, got, want)
		}
	}
	choices := menu.Nodes["choose"].Language.Choices
	if want := []prompts.Ref{in("en", "lang.en"), in("zh", "lang.also")}; len(choices) != 2 || choices[1].Key != "2" || !slices.Equal(choices[1].Say, want) {
		t.Errorf("choices %+v", choices)
	}
	main := menu.Nodes["main"]
	if want := []prompts.Ref{prompts.Prompt("main.welcome"), in("en", "lang.offer")}; !slices.Equal(main.Menu.Greeting, want) {
		t.Errorf("greeting %v", main.Menu.Greeting)
	}
	limits := tree.Limits{FirstDigit: 8 * time.Second, InterDigit: 1500 * time.Millisecond, EntryDigit: 4 * time.Second, NoInput: 2, Invalid: 2, Total: 4, Then: "person"}
	if main.Limits != limits || !slices.Equal(main.Again, p("main.choose")) || !slices.Equal(main.NoInput, p("main.no_input", "main.no_input_again")) || !slices.Equal(main.Invalid, p("main.invalid")) {
		t.Errorf("main asks with %+v, again %v, no input %v, invalid %v", main.Limits, main.Again, main.NoInput, main.Invalid)
	}
	if menu.Nodes["only-sent"].Waive["unreachable"] == "" {
		t.Error("a waiver is gone")
	}
}

// only1 is what a node is, and nil where it is two things or none.
func only1(n *tree.Node) any {
	var is any
	if n == nil {
		return nil
	}
	v := reflect.ValueOf(*n)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() != reflect.Pointer || f.IsNil() || v.Type().Field(i).Name == "Serves" {
			continue
		}
		if is != nil {
			return nil
		}
		is = f.Interface()
	}
	return is
}

// TestServiceTemplate: one line is a menu and what it offers; what the file has itself wins.
func TestServiceTemplate(t *testing.T) {
	menu := loadWhole(t)
	n := menu.Nodes["301"]
	if n.Type != "menu" || !n.Menu.Handling || !slices.Equal(n.Menu.Intro, []prompts.Ref{prompts.Prompt("svc.caller_id")}) {
		t.Errorf("301 is %s %+v", n.Type, n.Menu)
	}
	var offers []string
	for _, o := range n.Menu.Options {
		offers = append(offers, o.Key+" "+prompts.Join(o.Label)+" "+o.To)
	}
	if want := []string{"1 verb.open 3011", "2 verb.close 3012", "3 verb.introduce 3013", "4 verb.status 3014"}; !slices.Equal(offers, want) {
		t.Errorf("offers %q", offers)
	}
	if got := prompts.Join(n.Menu.Hint); got != "menu.back menu.press key.star" {
		t.Errorf("hint %s", got)
	}
	opens, status := menu.Nodes["3011"], menu.Nodes["3014"]
	if want := (&tree.Order{Service: "caller_id", Action: orders.Open, Confirm: true, Then: "rating"}); !reflect.DeepEqual(opens.Order, want) || opens.Limits.NoInput != 1 {
		t.Errorf("3011 is %+v, %+v", opens.Order, opens.Limits)
	}
	if status.Query == nil || status.Query.Name != "status" || status.Query.Service != "caller_id" || status.Query.Answer[1].Words["open"].ID != "status.open" {
		t.Errorf("3014 is %+v", status.Query)
	}
	if own := menu.Nodes["3013"]; own.BargeIn || own.Say.Refs[0].ID != "intro.special" {
		t.Errorf("the file's own 3013 is gone: %+v", own.Say)
	}
}

// TestServes: what an application is about at the nodes on the way to a function.
func TestServes(t *testing.T) {
	menu := loadWhole(t)
	balance := &tree.Function{Kind: orders.KindQuery, Service: "balance", Action: orders.Look}
	password := &tree.Function{Kind: orders.KindPassword, Service: "service_password", Action: orders.Change}
	for id, want := range map[string]*tree.Function{
		"101": balance, "101.query": balance,
		"203": password, "203.again": password, "203.order": password, "203.said": nil,
		"3011": {Kind: orders.KindOrder, Service: "caller_id", Action: orders.Open},
		"3014": {Kind: orders.KindQuery, Service: "caller_id", Action: orders.Status},
		"main": nil, "by-code": nil, "rating": nil, "person.zh": nil,
	} {
		if got := menu.Nodes[id].Serves; !reflect.DeepEqual(got, want) {
			t.Errorf("%s serves %+v, want %+v", id, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	menu := loadWhole(t)
	if want := map[string]tree.Meaning{"*": tree.Back, "**": tree.Main, "#": tree.Repeat, "0": tree.Agent}; !reflect.DeepEqual(menu.Keys, want) {
		t.Errorf("keys %v", menu.Keys)
	}
	if menu.SpeedDial != "#" || menu.Codes["3011"] != "3011" || menu.Codes["203"] != "203" || menu.Codes["103.query"] != "" {
		t.Errorf("speed dial %q, codes %v", menu.SpeedDial, menu.Codes)
	}
	s := menu.Services["caller_id"]
	if s.Code != "301" || s.Names["en"] != "Caller ID" || s.Price != 600 || s.Keyword != "LDXS" || s.Intro[0].ID != "intro.caller_id" || len(s.Brands) != 2 {
		t.Errorf("service %+v", s)
	}
	if ref := menu.Phrases.Malformed[entry.Month]; ref.ID != "say.bad_month" || menu.Phrases.Thanks.ID != "survey.thanks" || len(menu.Phrases.NoInput) != 2 {
		t.Errorf("phrases %+v", menu.Phrases)
	}
}

// TestPresets: the name of a set of keys is that set.
func TestPresets(t *testing.T) {
	const text = "menu: m\ndialled: [\"1\"]\nlanguages: [zh]\nstart: a\nagent: p\nkeys: iso13714\nphrases: {press: a, no_input: b, invalid: c, gave_up: d, stopping: e, goodbye: f, transfer: g, transfer_failed: h}\n" +
		"nodes:\n  a: {type: menu, options: [{key: 1, say: x, to: a}]}\n  p: {type: transfer, queue: desk}\n"
	menu, err := tree.Load(fstest.MapFS{"m.yaml": {Data: []byte(text)}}, "m.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]tree.Meaning{"*": tree.Back, "0": tree.Agent, "9": tree.Bye}; !reflect.DeepEqual(menu.Keys, want) {
		t.Errorf("keys %v", menu.Keys)
	}
}

// TestCalendars: what stands in the file decides at every time of the week.
func TestCalendars(t *testing.T) {
	menu := loadWhole(t)
	for at, want := range map[string]string{
		"2026-10-05 08:00": "open", "2026-10-05 07:59": "closed", "2026-10-05 22:00": "closed", // a Monday
		"2026-10-03 12:30": "closed", "2026-10-03 23:59": "open", // a Saturday
		"2026-10-04 12:00": "closed",                                                            // a Sunday
		"2026-10-01 12:00": "holiday", "2026-10-02 09:00": "closed", "2026-10-02 10:00": "open", // by date
	} {
		when, err := time.Parse("2006-01-02 15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := menu.Calendars["agents"].At(when); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	weekend := menu.Calendars["weekend"]
	for day, spans := range weekend.Week {
		if open := len(spans) > 0; open != (day <= 1 || day == 6) { // Sunday is 0
			t.Errorf("weekday %d: %v", day, spans)
		}
	}
}
