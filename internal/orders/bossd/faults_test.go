package bossd_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/orders/bossd"
)

// What each fault does to an order on each face: what the asker sees, and whether there
// is an effect, in the end, of its key. Then the fault is used up, and the same key once more
// is answered as it should be, with no second effect.
func TestFaults(t *testing.T) {
	p := newPeer(t)
	const cut = "cut" // no reply came
	for _, tt := range []struct {
		fault  bossd.Fault
		sees   string // what face.read says, or cut
		effect bool
	}{
		{bossd.Fault{Mode: bossd.Delay, DelayMS: 50}, "success", true},
		{bossd.Fault{Mode: bossd.Drop}, cut, false},
		{bossd.Fault{Mode: bossd.Drop, After: true}, cut, true},
		{bossd.Fault{Mode: bossd.Reset}, cut, true},
		{bossd.Fault{Mode: bossd.Late, DelayMS: 50}, cut, true},
		{bossd.Fault{Mode: bossd.Fail}, "?", false},
		{bossd.Fault{Mode: bossd.Fail, After: true}, "?", true},
		{bossd.Fault{Mode: bossd.Busy}, "?", false},
		{bossd.Fault{Mode: bossd.Garbage}, "?", false},
		{bossd.Fault{Mode: bossd.Garbage, After: true}, "?", true},
		{bossd.Fault{Mode: bossd.Repeat}, "success", true},
		{bossd.Fault{Mode: bossd.Async, DelayMS: 100}, "accepted", true},
	} {
		for _, f := range faces() {
			tt.fault.Operation, tt.fault.Times = bossd.Submit, 1
			name := string(tt.fault.Mode)
			if tt.fault.After {
				name += " after"
			}
			t.Run(name+"/"+f.name, func(t *testing.T) {
				p := *p
				p.t = t
				p.fault(tt.fault)
				key := newKey()
				a, err := f.submit(&p, key, rich, "open", "caller_id", "6.00")
				sees := cut
				if err == nil {
					sees = f.read(a)
				}
				if sees != tt.sees {
					t.Errorf("%v %d %q, want %s", err, a.status, a.body, tt.sees)
				}
				if tt.fault.Mode == bossd.Reset && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%v, want a reset", err)
				}
				if tt.fault.Mode == bossd.Busy && (a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "") {
					t.Errorf("%d %v", a.status, a.header)
				}
				if tt.effect {
					until(t, "the effect", func() bool { _, there := p.effects()[key]; return there })
				} else if a, err := f.find(&p, key); err != nil || f.read(a) != "not_found" {
					t.Errorf("look-up: %v %s, want not found", err, a.body)
				}
				if a, err := f.submit(&p, key, rich, "open", "caller_id", "6.00"); err != nil || f.read(a) != "success" {
					t.Errorf("the same key again: %v %s", err, a.body)
				}
				if a, err := f.submit(&p, newKey(), rich, "close", "caller_id", "0.00"); err != nil || f.read(a) != "success" {
					t.Errorf("it was opened more than once, or not at all: %v %s", err, a.body)
				}
			})
		}
	}
}

// An accepted order goes from acknowledged to inProgress to completed, keeps its id, and is
// carried out by the next server if the one that took it dies.
func TestAsync(t *testing.T) {
	p := newPeer(t)
	state := func(a answered) string {
		for _, s := range []string{"acknowledged", "inProgress", "completed"} {
			if strings.Contains(a.body, `"state":"`+s+`"`) {
				return s
			}
		}
		return a.body
	}
	key := newKey()
	p.fault(bossd.Fault{Operation: bossd.Submit, Mode: bossd.Async, DelayMS: 1500, Times: 1})
	first := p.must("POST", ordering, nil, tmfOrder(key, rich, "open", "caller_id", "6.00"))
	if state(first) != "acknowledged" {
		t.Fatalf("first: %s", first.body)
	}
	if again := p.must("POST", ordering, nil, tmfOrder(key, rich, "open", "caller_id", "6.00")); again.body != first.body {
		t.Errorf("the same key again: %s, it was %s", again.body, first.body)
	}
	if len(p.effects()) != 0 {
		t.Error("an effect of an order that was only accepted")
	}
	p.stop()
	p.start("")
	seen := map[string]bool{}
	until(t, "completed", func() bool {
		a := p.must("GET", ordering+"?externalId="+key, nil, "")
		seen[state(a)] = true
		id := strings.SplitN(first.body, `"`, 5)[3]
		if !strings.Contains(a.body, `"id":"`+id+`"`) {
			t.Fatalf("the id was %s: %s", id, a.body)
		}
		return state(a) == "completed"
	})
	if !seen["inProgress"] {
		t.Errorf("seen on the way: %v", seen)
	}
	if _, there := p.effects()[key]; !there {
		t.Error("told before it was in the ledger file")
	}
}

// Two answers come on the connection, one after the other, and it stays open.
func TestRepeatedAnswer(t *testing.T) {
	p := newPeer(t)
	p.fault(bossd.Fault{Operation: bossd.Prices, Mode: bossd.Repeat, Times: 1})
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /json/prices HTTP/1.1\r\nHost: boss\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	var bodies []string
	for range 2 {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		bodies = append(bodies, string(body))
	}
	if bodies[0] != bodies[1] || !strings.Contains(bodies[0], "caller_id") {
		t.Errorf("%q", bodies)
	}
}

func TestFaultSwitch(t *testing.T) {
	p := newPeer(t)
	post := func(text string) answered { return p.must("POST", "/faults", nil, text) }
	for _, bad := range []string{
		`{"operation":"dance","mode":"drop"}`, `{"operation":"submit","mode":"explode"}`, `{"operation":"submit","mode":"delay"}`,
		`{"operation":"submit","mode":"late"}`, `{"operation":"query","mode":"async","delay_ms":5}`, `{"operation":"submit","mode":"429","after":true}`,
		`{"operation":"submit","mode":"drop","times":-1}`, `{"operation":"submit","mode":"drop","every":-1}`, `{"operation":"submit","mode":"drop","met":1}`,
		`{"operation":"submit","mode":"drop","more":1}`, `{`, `{"operation":"submit","mode":"delay","delay_ms":-1}`,
	} {
		if a := post(bad); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := p.must("GET", "/faults", nil, ""); a.body != "[]\n" {
		t.Errorf("none yet: %s", a.body)
	}
	// Every third, twice; a query, for which there is no fault, does not count.
	p.fault(bossd.Fault{Operation: bossd.Prices, Mode: bossd.Busy, Every: 3, Times: 2})
	var statuses []int
	for range 9 {
		statuses = append(statuses, p.must("GET", "/json/prices", nil, "").status)
		if a := p.must("GET", extension+"/", nil, ""); a.status != http.StatusOK {
			t.Errorf("another operation: %d", a.status)
		}
	}
	for i, got := range statuses {
		if want := map[bool]int{true: 429, false: 200}[i == 2 || i == 5]; got != want {
			t.Errorf("request %d: %d, want %d", i+1, got, want)
		}
	}
	// Of two, the one told first; when that is spent, the other.
	p.fault(bossd.Fault{Operation: bossd.All, Mode: bossd.Fail, Times: 1})
	p.fault(bossd.Fault{Operation: bossd.Prices, Mode: bossd.Busy})
	for i, want := range []int{500, 429, 429} {
		if got := p.must("GET", "/json/prices", nil, "").status; got != want {
			t.Errorf("request %d: %d, want %d", i+1, got, want)
		}
	}
	if a := p.must("DELETE", "/faults", nil, ""); a.body != `{"cleared":3}`+"\n" {
		t.Errorf("cleared: %s", a.body)
	}
	if got := p.must("GET", "/json/prices", nil, "").status; got != http.StatusOK {
		t.Errorf("after that: %d", got)
	}
}
