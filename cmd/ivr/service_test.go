package main

import (
	"strings"
	"testing"
	"time"
)

func TestTheTimesOfANotice(t *testing.T) {
	zone, err := time.LoadLocation(defaultZone)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, zone)
	for _, c := range []struct{ from, until, want string }{
		{"", "", "from 2026-10-01 12:00 until it is withdrawn"},
		{"", "2h30m", "from 2026-10-01 12:00 until 2026-10-01 14:30"},
		{"2026-10-02", "2026-10-02 06:00", "from 2026-10-02 00:00 until 2026-10-02 06:00"},
		{"2026-10-02T00:00:00Z", "", "from 2026-10-02 08:00 until it is withdrawn"},
		{"1h", "2026-10-01 13:00:01", "from 2026-10-01 13:00 until 2026-10-01 13:00"},
		{"tomorrow", "", `--from: "tomorrow" is no time`},
		{"", "25:00", `--until: "25:00" is no time`},
		{"", "2026-10-01 11:59", "before it could be heard"},
		{"2h", "1h", "before it could be heard"},
	} {
		n, err := newNotice("balance", "notice.upgrade", c.from, c.until, now, zone)
		got := period(n, zone)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("from %q until %q: %s, want %s", c.from, c.until, got, c.want)
		}
	}
}

// TestTheNamesThatOpsMayUse are what calls ask about, with names that people know.
func TestTheNamesThatOpsMayUse(t *testing.T) {
	catalog, err := loadPrompts("../../prompts")
	if err != nil {
		t.Fatal(err)
	}
	trees, err := loadMenus("../../menus", catalog)
	if err != nil {
		t.Fatal(err)
	}
	k := namesOf(trees, catalog)
	asked := 0
	for _, tr := range trees {
		for id, n := range tr.Nodes {
			service := ""
			switch {
			case n.Order != nil:
				service = n.Order.Service
			case n.Query != nil && n.Query.Service != "":
				service = n.Query.Service
			case n.Query != nil:
				service = n.Query.Name
			default:
				continue
			}
			asked++
			if err := k.service(service); err != nil {
				t.Errorf("node %s: %v", id, err)
			}
		}
	}
	if asked < 10 || k.full("balance") == "balance" {
		t.Errorf("%d nodes ask, balance is %q", asked, k.full("balance"))
	}
	for name, want := range map[string]string{"caler_id": `did you mean "caller_id"?`, "nonsense": "ivr service list"} {
		if err := k.service(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := k.prompt("main.welcom"); err == nil || !strings.Contains(err.Error(), `did you mean "main.welcome"?`) {
		t.Error(err)
	}
}
