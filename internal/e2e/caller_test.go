package e2e

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
	"hotline/internal/prompts"
)

// talk is one call with its caller's side.
type talk struct {
	*dialtest.Session
	t      *testing.T
	h      *hotline
	number string
	at     int // before it, what was heard has been judged
}

// dial calls the hotline, and hangs up at the end of the test.
func (h *hotline) dial(t *testing.T, number string) *talk {
	t.Helper()
	return h.dialTo(t, number, "10086")
}

// dialTo dials another number than the hotline's.
func (h *hotline) dialTo(t *testing.T, number, to string) *talk {
	t.Helper()
	h.numbers.Store(number, true)
	return h.dialAs(t, number, to)
}

// dialAs calls from a number, or with none ("").
func (h *hotline) dialAs(t *testing.T, number, to string) *talk {
	t.Helper()
	return h.dialBy(t, h.phones, number, to)
}

// dialBy calls by the Asterisk that these telephones are of.
func (h *hotline) dialBy(t *testing.T, phones *dialtest.Caller, number, to string) *talk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var from orders.MSISDN
	if number != "" {
		from = msisdn(t, number)
	}
	s, err := phones.Dial(ctx, dialtest.Call{From: from, To: to, App: h.app})
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{Session: s, t: t, h: h, number: number}
	t.Cleanup(k.hangup)
	return k
}

func msisdn(t *testing.T, number string) orders.MSISDN {
	t.Helper()
	n, err := orders.ParseMSISDN(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// hangup ends the call, unless it has ended.
func (k *talk) hangup() {
	select {
	case <-k.Ended():
		return
	default:
	}
	// Not the test's context, which is over when the test cleans up.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := k.Hangup(ctx); err != nil {
		k.t.Errorf("hang up: %v", err)
	}
}

// keys presses keys, each when the announcement that it answers has begun.
func (k *talk) keys(keys string) []dialtest.Pressed {
	k.t.Helper()
	pressed, err := k.Walk(k.t.Context(), dialtest.Walk{Keys: dialtest.Each(keys), Listen: 300 * time.Millisecond, Length: 60 * time.Millisecond, Patience: patience})
	if err != nil {
		k.t.Fatalf("%v; heard %s", err, k.line())
	}
	return pressed
}

// press presses one key now.
func (k *talk) press(key byte) time.Time {
	k.t.Helper()
	at, err := k.Press(k.t.Context(), key, 60*time.Millisecond)
	if err != nil {
		k.t.Fatalf("%v; heard %s", err, k.line())
	}
	return at
}

// saysIn writes Refs as the recordings that say them in a language: "zh:main.welcome". The
// pauses within telephone numbers are not among them: silence is not recognised.
func (p *parts) saysIn(t *testing.T, lang string, refs ...prompts.Ref) []string {
	t.Helper()
	fragments, err := p.spoken.Fragments(lang, refs)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range fragments {
		if f.ID != "u.pause" {
			ids = append(ids, cmp.Or(refs[f.Ref].In, lang)+":"+f.ID)
		}
	}
	return ids
}

// amount is how an amount of fen is said.
func (p *parts) amount(t *testing.T, fen orders.Money) []string {
	t.Helper()
	return p.saysIn(t, "zh", prompts.Ref{Read: prompts.Money, N: int64(fen)})
}

// hear waits until these recordings have been heard to the last bit, one right
// after the other. What is heard before the first of them is passed over.
func (k *talk) hear(ids ...string) {
	k.t.Helper()
	k.within(patience, ids...)
}

// within is hear with a limit.
func (k *talk) within(limit time.Duration, ids ...string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), limit)
	defer cancel()
	err := k.Await(ctx, func(line []dialtest.Heard) bool {
		end := heard(line, k.at, ids)
		if end > 0 {
			k.at = end
		}
		return end > 0
	})
	if err != nil {
		k.t.Fatalf("not heard: %s (%v); heard %s", strings.Join(ids, " "), err, k.line())
	}
}

// heard finds recordings in line, whole and side by side; it gives where they end, or 0.
func heard(line []dialtest.Heard, from int, ids []string) int {
	for i := from; i+len(ids) <= len(line); i++ {
		whole := func(h dialtest.Heard, id string) bool { return h.Is(id) && h.Whole && !h.Open && h.From == 0 }
		if slices.EqualFunc(line[i:i+len(ids)], ids, whole) {
			return i + len(ids)
		}
	}
	return 0
}

// begins waits until the begin of a recording has been heard.
func (k *talk) begins(id string) dialtest.Heard {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	var found dialtest.Heard
	err := k.Await(ctx, func(line []dialtest.Heard) bool {
		for _, h := range line[min(k.at, len(line)):] {
			if h.Is(id) {
				found = h
				return true
			}
		}
		return false
	})
	if err != nil {
		k.t.Fatalf("%s does not begin (%v); heard %s", id, err, k.line())
	}
	return found
}

// ends waits until the other side hangs up.
func (k *talk) ends(limit time.Duration) {
	k.t.Helper()
	select {
	case <-k.Ended():
	case <-time.After(limit):
		k.t.Fatalf("not hung up after %v; heard %s", limit, k.line())
	}
	if k.EndedBy() != "switch" {
		k.t.Errorf("hung up by %s", k.EndedBy())
	}
}

// silent waits until nothing more is said: the server knows of the end of an
// announcement a little later than the caller's ear.
func (k *talk) silent() {
	k.t.Helper()
	if err := k.AwaitQuiet(k.t.Context(), 500*time.Millisecond); err != nil {
		k.t.Fatalf("%v; heard %s", err, k.line())
	}
}

// over waits until the call has ended, whoever ends it.
func (k *talk) over() {
	k.t.Helper()
	select {
	case <-k.Ended():
	case <-time.After(patience):
		k.t.Fatalf("the call does not end; heard %s", k.line())
	}
}

// line is what was heard, in words: a recording cut short has "…".
func (k *talk) line() string {
	var b strings.Builder
	for _, h := range k.Heard() {
		b.WriteString(h.Prompt)
		if !h.Whole {
			b.WriteString("…")
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

// clean says that nothing was heard but recordings that the hotline has.
func (k *talk) clean() {
	k.t.Helper()
	if slices.ContainsFunc(k.Heard(), func(h dialtest.Heard) bool { return h.Prompt == dialtest.Unknown }) {
		k.t.Errorf("a sound that is no recording: %s", k.line())
	}
}

// became hangs up and waits until the call stands in the database as it should.
func (k *talk) became(want ...string) {
	k.t.Helper()
	k.hangup()
	k.clean()
	k.h.becomes(k.t, patience, k.CallID(), want...)
}

// record is the outcome of the call in the PBX's own record.
func (k *talk) record() string {
	k.t.Helper()
	var outcome string
	eventually(k.t, patience, func() string {
		data, err := os.ReadFile(os.Getenv("CDR_FILE"))
		if err != nil {
			return err.Error()
		}
		// Another call may just be adding its line.
		rows, err := csv.NewReader(strings.NewReader(string(data[:1+strings.LastIndexByte(string(data), '\n')]))).ReadAll()
		if err != nil {
			return err.Error()
		}
		for _, row := range rows {
			if row[0] == k.CallID() {
				outcome = row[7]
				return ""
			}
		}
		return "no line in the PBX's record"
	})
	return outcome
}

// fault tells the BOSS to go wrong for one number, the given times.
func (h *hotline) fault(t *testing.T, number string, f sandbox.Fault) {
	t.Helper()
	f.Caller = msisdn(t, number)
	if f.Times == 0 {
		f.Times = 1
	}
	if err := h.boss.AddFault(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// subscriber is what the BOSS has of a number.
func (h *hotline) subscriber(t *testing.T, number string) sandbox.Subscriber {
	t.Helper()
	s, err := h.boss.Subscriber(t.Context(), msisdn(t, number))
	if err != nil && !errors.Is(err, sandbox.ErrNoSubscriber) {
		t.Fatal(err)
	}
	return s
}
