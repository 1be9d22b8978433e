package studio

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts"
)

const standard = 6 * time.Hour

// at is a time of the day in which a notice is given at nine.
func at(clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, 20, t.Hour(), t.Minute(), 0, 0, zone)
}

// noticed is a catalogue with notices: "id text notice" for each prompt.
func noticed(t *testing.T, said ...string) *prompts.Catalog {
	t.Helper()
	var yaml strings.Builder
	for _, line := range said {
		f := strings.Fields(line)
		fmt.Fprintf(&yaml, "%s: {text: %s", f[0], f[1])
		if len(f) > 2 {
			fmt.Fprintf(&yaml, ", notice: {id: %s, at: \"2026-11-20T%s+08:00\"}", f[2], f[3])
		}
		yaml.WriteString("}\n")
	}
	return newHouse(t, yaml.String()).texts()
}

// TestANoticeIsLiveWhenAllItsPromptsAre as they read today, since the first publication
// of that.
func TestANoticeIsLiveWhenAllItsPromptsAre(t *testing.T) {
	type publication struct {
		at   string
		said []string
	}
	one, both := []string{"a.one 新价格 TZ-1 09:00"}, []string{"a.one 新价格 TZ-1 09:00", "a.two 请稍候 TZ-1 09:00"}
	for name, c := range map[string]struct {
		published   []publication
		today       []string
		now         string
		live        string // "" waits
		took        time.Duration
		within, bad bool // bad: taken back
	}{
		"published once":              {[]publication{{"08:00", nil}, {"10:30", one}, {"12:00", one}}, one, "20:00", "10:30", 90 * time.Minute, true, false},
		"the last of two":             {[]publication{{"10:00", one}, {"16:00", both}}, both, "20:00", "16:00", 7 * time.Hour, false, false},
		"not published":               {nil, one, "14:00", "", 5 * time.Hour, true, false},
		"waits for too long":          {[]publication{{"10:00", one}}, both, "18:00", "", 9 * time.Hour, false, false},
		"the text without the notice": {[]publication{{"08:00", []string{"a.one 新价格"}}, {"11:00", one}}, one, "20:00", "11:00", 2 * time.Hour, true, false},
		"other words":                 {[]publication{{"10:00", []string{"a.one 旧价格 TZ-1 09:00"}}}, one, "11:00", "", 2 * time.Hour, true, false},
		"reworded":                    {[]publication{{"10:00", []string{"a.one 旧价格 TZ-1 09:00"}}, {"13:00", one}}, one, "20:00", "13:00", 4 * time.Hour, true, false},
		"taken back":                  {[]publication{{"08:00", nil}, {"10:00", one}, {"11:00", nil}}, one, "20:00", "10:00", time.Hour, true, true},
		"exactly on time":             {[]publication{{"15:00", one}}, one, "20:00", "15:00", standard, true, false},
		"prepared before it":          {[]publication{{"08:00", one}}, one, "20:00", "08:00", 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := &History{}
			for _, p := range c.published {
				var said Answers
				if p.said != nil {
					said = AnswersOf(noticed(t, p.said...))
				}
				h.Publish(at(p.at), said)
			}
			all := h.Notices(noticed(t, c.today...), standard, at(c.now))
			if len(all) != 1 {
				t.Fatalf("%d notices", len(all))
			}
			n := all[0]
			if live := n.Live != nil; live != (c.live != "") || live && !n.Live.Equal(at(c.live)) {
				t.Errorf("live %v, want %q", n.Live, c.live)
			}
			if n.Took != c.took || n.Within != c.within || n.Back != c.bad || n.Waits() != (c.live == "" || c.bad) {
				t.Errorf("took %v within %v taken back %v waits %v", n.Took, n.Within, n.Back, n.Waits())
			}
			if reworded := name == "reworded" || name == "other words"; reworded != (n.Prompts[0].First != nil) {
				t.Errorf("first heard %v", n.Prompts[0].First)
			}
		})
	}
}

// TestTheShareIsOfWhatIsKnown: a notice that still has time is neither within nor late.
func TestTheShareIsOfWhatIsKnown(t *testing.T) {
	h := &History{}
	h.Publish(at("10:00"), AnswersOf(noticed(t, "a.one 一 TZ-1 09:00")))
	h.Publish(at("17:00"), AnswersOf(noticed(t, "a.one 一 TZ-1 09:00", "a.two 二 TZ-2 09:30")))
	texts := noticed(t, "a.one 一 TZ-1 09:00", "a.two 二 TZ-2 09:30", "a.three 三 TZ-3 10:00", "a.four 四 TZ-4 17:00", "a.five 五 TZ-1 11:00")
	all := h.Notices(texts, standard, at("18:00"))
	var order []string
	for _, n := range all {
		order = append(order, fmt.Sprintf("%s %v", n.ID, n.Within))
	}
	// TZ-1 has got a prompt more since, which is not live.
	if got := strings.Join(order, ", "); got != "TZ-1 false, TZ-2 false, TZ-3 false, TZ-4 true" || !all[0].Times {
		t.Errorf("got %s, several times %v", got, all[0].Times)
	}
	if within, of := Share(all); within != 0 || of != 3 {
		t.Errorf("%d of %d", within, of)
	}
}
