package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/journal"
	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
	"hotline/internal/prompts"
)

// actor is who calls in a transcript: what the BOSS must have of the number, so
// that it answers as the transcript says.
type actor struct {
	transcript, number string
	open               string // a service that is open
	balance            orders.Money
	fault              sandbox.Fault
	password, card     string // the service password, and the identity card's number
	brand              string
	star               int
	language           string // chosen in a call before
	hidden             bool   // the number is withheld
}

// nobodyKnows is a BOSS that does not say who a caller is, which it is asked first.
var nobodyKnows = sandbox.Fault{Operation: sandbox.OpQuery, Mode: sandbox.Fail}

// The transcripts that a caller and a BOSS can bring about. The others need a
// broken switch, broken media or a stopping server; those have tests of their own. The
// longest come first, and side by side those at which no agent may work.
var actors = []actor{
	{transcript: "silence", number: "13900000011"},
	{transcript: "callback-declined", number: "13900000016", brand: "神州行", star: 1},
	{transcript: "survey-silent", number: "13900000022"},
	{transcript: "alternating", number: "13900000004"},
	{transcript: "slow-boss", number: "13900000001", fault: sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.LoseAnswer, Delay: 34 * time.Second}},
	{transcript: "agent-refused", number: "13900000014", fault: nobodyKnows},
	{transcript: "callback", number: "13900000015", brand: "全球通", star: 5},
	{transcript: "callback-hidden", number: "13900000017", hidden: true},
	{transcript: "open-caller-id", number: "13900000002"},
	{transcript: "already-open", number: "13900000003", open: "caller_id"},
	{transcript: "back-main", number: "13900000005"},
	{transcript: "balance", number: "13900000006", balance: 5850},
	{transcript: "balance-hang-up", number: "13900000007", balance: 5850},
	{transcript: "decline", number: "13900000008", fault: sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Slow, Delay: 2 * time.Second}},
	{transcript: "hang-up-while-ordering", number: "13900000009", fault: sandbox.Fault{Operation: sandbox.OpSubmit, Mode: sandbox.Slow, Delay: 2 * time.Second}},
	{transcript: "introduction", number: "13900000010"},
	{transcript: "switched", number: "13900000012"},
	{transcript: "agent", number: "13900000013", fault: nobodyKnows},
	{transcript: "language", number: "13900000018", balance: 5850},
	{transcript: "language-silent", number: "13900000019"},
	{transcript: "language-remembered", number: "13900000020", language: "en"},
	{transcript: "survey", number: "13900000021"},
	{transcript: "after-silent", number: "13900000023"},
	{transcript: "goodbye", number: "13900000024"},
	{transcript: "speed-dial", number: "13900000025", balance: 6450},
	{transcript: "speed-dial-alone", number: "13900000026"},
	{transcript: "speed-dial-unknown", number: "13900000027"},
	{transcript: "amount", number: "13900000028"},
	{transcript: "number-home", number: "13900000034"},
	{transcript: "brand", number: "13900000029", brand: "神州行"},
	{transcript: "password-wrong", number: "13900000030", password: "908070"},
	{transcript: "password-change", number: "13900000031", password: "135790"},
	{transcript: "password-change-wrong", number: "13900000032", password: "908071"},
	{transcript: "password-reset", number: "13900000033", password: "908072", card: "11010519491231002X"},
}

// TestTranscripts plays the transcripts of the shipped menu as calls: the caller's
// lines are pressed and waited, the hotline's lines are heard, and looked up in
// the journal.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	h := prepare(t, hastyMenus(t))
	h.remembers(t, actors)
	h.live(t)
	for _, a := range actors {
		t.Run(a.transcript, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(os.Getenv("MENUS"), "transcripts", a.transcript+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			a.prepare(t, h)
			var person *agent
			switch {
			case a.transcript == "agent":
				person = working(t)
			case strings.HasPrefix(a.transcript, "agent-"), strings.HasPrefix(a.transcript, "callback"):
				nobodyWorks(t)
			}
			k := a.dial(t, h)
			err = k.Follow(t.Context(), dialtest.Walk{Length: 100 * time.Millisecond, Patience: 2 * patience}, h.script(t, string(text)))
			if err != nil {
				t.Fatalf("%v; heard %s", err, k.line())
			}
			if person != nil {
				person.answers(t)
			}
			if person != nil || strings.HasSuffix(strings.TrimSpace(string(text)), "end hung_up") {
				k.hangup()
			}
			k.over()
			k.clean()
			h.tellsAs(t, k.CallID(), string(text))
		})
	}
}

// remembers stores what callers have chosen in earlier calls, before the server that
// is to know it.
func (h *hotline) remembers(t *testing.T, actors []actor) {
	t.Helper()
	sealer, err := journal.ReadSealer(os.Getenv("NUMBER_KEY_FILE"))
	fatal(t, err)
	_, err = journal.Migrate(t.Context(), h.address)
	fatal(t, err)
	for _, a := range actors {
		if a.language != "" {
			h.exec(t, "insert into ivr.remembered (caller_hash, language, at) values ($1, $2, now())", sealer.Seal(msisdn(t, a.number)).Hash, a.language)
		}
	}
}

// dial calls as the actor does.
func (a actor) dial(t *testing.T, h *hotline) *talk {
	t.Helper()
	if a.hidden {
		return h.dialAs(t, "", "10086")
	}
	return h.dial(t, a.number)
}

// prepare makes the number such a subscriber.
func (a actor) prepare(t *testing.T, h *hotline) {
	t.Helper()
	if a.fault.Mode != "" {
		h.fault(t, a.number, a.fault)
	}
	balance := a.balance
	if balance == 0 {
		balance = 5000
	}
	h.exec(t, "insert into sandbox.subscribers (msisdn, balance_fen, last_bill_fen) values ($1, $2, 0)", a.number, int64(balance))
	if a.brand != "" {
		h.exec(t, "update sandbox.subscribers set brand = $2, star = $3 where msisdn = $1", a.number, a.brand, max(a.star, 1))
	}
	if a.password != "" {
		fatal(t, h.boss.SetPassword(t.Context(), msisdn(t, a.number), entry.New(entry.Password, a.password)))
	}
	if a.card != "" {
		fatal(t, h.boss.SetIdentity(t.Context(), msisdn(t, a.number), entry.New(entry.IDCard, a.card)))
	}
	if a.open != "" {
		h.exec(t, "insert into sandbox.subscriptions (msisdn, service) values ($1, $2)", a.number, a.open)
	}
}

// script makes of a transcript what a caller does and must hear. A key cuts an
// announcement short; "> played" means that it is heard to its end.
func (h *hotline) script(t *testing.T, text string) []dialtest.Step {
	t.Helper()
	var steps []dialtest.Step
	var said []string // and not heard yet
	lang, entered := "zh", ""
	for _, block := range strings.Split(text, "\n> ")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		switch words := strings.Fields(lines[0]); words[0] {
		case "call":
			if len(words) > 1 && words[1] != "anonymous" {
				lang = words[1]
			}
		case "press":
			keys, _, _ := strings.Cut(strings.Join(words[1:], ""), "at")
			entered = strings.TrimSuffix(keys, "#")
			if n := len(steps); said == nil && n > 0 && steps[n-1].Press != "" {
				steps[n-1].Press += keys // nothing was said since: it is one go
				break
			}
			steps = append(steps, dialtest.Step{Hear: said, Press: keys})
			said = nil
		case "played", "transferred":
			steps = append(steps, dialtest.Step{Hear: said})
			said = nil
		case "hangup":
			steps = append(steps, dialtest.Step{Hear: said, Hangup: true})
			said = nil
		}
		for _, line := range lines[1:] {
			if chosen, ok := strings.CutPrefix(line, "speak "); ok {
				lang = strings.TrimSuffix(chosen, " from now on")
			}
			if refs, ok := strings.CutPrefix(line, "play "); ok {
				said = h.saysIn(t, lang, refsOf(t, masked.ReplaceAllString(refs, "phone("+entered+")"))...)
			}
		}
	}
	return steps
}

// masked is how a telephone number is written that is read back as it was typed.
var masked = regexp.MustCompile(`phone\([^)]*\)`)

// refsOf reads the notation of transcripts.
func refsOf(t *testing.T, text string) []prompts.Ref {
	t.Helper()
	var refs []prompts.Ref
	for _, word := range strings.Fields(text) {
		r, err := prompts.ParseRef(word)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r)
	}
	return refs
}

// sqlTold writes the steps of a call as the lines of a transcript.
const sqlTold = `
	select case kind
		when 'node' then 'node ' || node
		when 'play' then 'play ' || (select string_agg(r, ' ' order by n) from jsonb_array_elements_text(detail -> 'refs') with ordinality x (r, n))
		when 'submit' then 'order ' || (detail ->> 'action') || ' ' || (detail ->> 'service')
		when 'ask' then rtrim('ask ' || (detail ->> 'query') || ' ' || (detail ->> 'service'))
		when 'verify' then 'verify •••'
		when 'look' then rtrim('look ' || (detail ->> 'service'))
		when 'speak' then 'speak ' || (detail ->> 'language') || case when detail ? 'remember' then ' from now on' else '' end
		when 'rated' then rtrim('rated ' || (detail ->> 'score') || ' ' || (detail ->> 'service'))
		when 'call_back' then rtrim('call back from ' || (detail ->> 'queue') || ' ' || (detail ->> 'service'))
		when 'transfer' then 'transfer ' || (detail ->> 'queue')
			|| case when detail ->> 'priority' <> '0' then ' priority ' || (detail ->> 'priority') else '' end
			|| (select string_agg(' ' || key || '=' || value, '' order by key) from jsonb_each_text(detail -> 'facts'))
		when 'app_opened' then 'app ' || (detail ->> 'app') || ' opens ' || (detail ->> 'kind') || coalesce(' continues ' || (detail ->> 'continues'), '')
		when 'app_bound' then rtrim('app ' || (detail ->> 'app') || ' is ' || (detail ->> 'kind') || ' ' || (detail ->> 'action') || ' ' || (detail ->> 'service'))
		when 'app_closed' then 'app ' || (detail ->> 'app') || ' ends ' || (detail ->> 'outcome')
			|| case when detail ->> 'detail' <> '' then '/' || (detail ->> 'detail') else '' end
		when 'app_left' then 'app ' || (detail ->> 'app') || ' left to the desk'
		when 'call_ended' then 'end ' || (detail ->> 'reason')
	end
	from ivr.steps where call_id = $1::uuid and kind in ('node', 'play', 'submit', 'ask', 'transfer', 'verify', 'look', 'speak', 'rated', 'call_back',
		'app_opened', 'app_bound', 'app_closed', 'app_left', 'call_ended')
	order by seq`

// Where something was heard, and what it costs, is compared elsewhere.
var (
	place = regexp.MustCompile(`^(app \d+ (?:ends \S+|left to the desk)) at .*`)
	price = regexp.MustCompile(`^(order \S+ \S+) .*`)
	typed = regexp.MustCompile(`^(ask [^=]*) \S+=.*`)
)

// tellsAs waits until the journal tells the call as the transcript does.
func (h *hotline) tellsAs(t *testing.T, call, text string) {
	t.Helper()
	var want []string
	for _, line := range strings.Split(text, "\n") {
		word, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"node", "play", "order", "ask", "verify", "look", "speak", "rated", "call", "transfer", "app", "end"}, word) {
			for _, left := range []*regexp.Regexp{place, price, typed} {
				line = left.ReplaceAllString(line, "$1")
			}
			want = append(want, masked.ReplaceAllString(line, "phone(•)"))
		}
	}
	eventually(t, patience, func() string {
		got := h.strings(t, sqlTold, call)
		for i := range got { // the journal masks more of a number
			got[i] = masked.ReplaceAllString(got[i], "phone(•)")
		}
		if slices.Equal(got, want) {
			return ""
		}
		return "the journal tells\n" + strings.Join(got, "\n") + "\nthe transcript\n" + strings.Join(want, "\n")
	})
}
