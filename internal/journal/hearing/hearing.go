// Package hearing measures from the journal how the prompts are understood: of each,
// how many callers heard it and answered with what the menu expects, how long they
// listened, and at which second those gave up who did not.
//
//	report, err := hearing.Read(ctx, pool, hearing.Window{From: from, To: to})
//
// What the figures mean:
//
//   - A hearing is one announcement of a call. It asks where the caller is to answer by
//     keys. What comes before the next announcement is its answer: valid, or none (no
//     key; keys that mean nothing there), or the caller hangs up with his business
//     unfinished. Who hangs up when all is done has given nothing up, and what the
//     switch or the server cut short, or could not be played, tells nothing: neither is
//     an answer.
//   - A prompt has been heard where the voice had come to it. Its first try in a call
//     is the first hearing that asked, was answered, and was not the repetition
//     after an error. First-try validity is the share of valid ones among the calls
//     that had a first try.
//   - A failed answer, of whatever try, costs the prompt that was being said, or had
//     been said last; and the position in it is where the caller gave up. Values
//     (an amount) and what only ends a sentence (Window.Endings) are never at fault:
//     the prompt before them is, at its end.
//
// It refuses to judge (the limit is data of whoever shows it), and to put live calls
// and test calls into one figure.
package hearing

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Window says which calls are looked at: those begun in [From, To).
type Window struct {
	From, To time.Time
	Version  string // begin of the menu version (calls.menu_version); "" for all
	Test     bool   // dial tests instead of live calls; never both
	// First is the language that a menu (by its name) is spoken in unless a caller
	// chooses. The journal only knows of choices: a menu that is not here speaks "".
	First map[string]string
	// Endings are the ids of prompts that only end the sentence before them: "press", a key.
	Endings []string
}

// Report is how the prompts of a window were understood.
type Report struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Version string    `json:"version,omitempty"`
	Test    bool      `json:"test"`
	Calls   int64     `json:"calls"`
	// Prompts are those that were heard, ordered by what they cost, language and id.
	Prompts []Prompt `json:"prompts"`
}

// Prompt is what callers did about one prompt in one language.
type Prompt struct {
	Language string `json:"language"`
	ID       string `json:"id"`
	// Text is what the newest version said that calls of the window heard, "" where that is not
	// known; Texts is how many different ones the figures are of.
	Text    string  `json:"text"`
	Texts   int64   `json:"texts"`
	Heard   int64   `json:"heard"`   // times that it was begun
	Callers int64   `json:"callers"` // numbers that heard it; a call without a number counts as one
	Replays int64   `json:"replays"` // times that it was heard because the caller wanted to hear it, or its menu, again
	First   Answers `json:"first_try"`
	// Failed are the answers of whatever try that failed while it was being said or had
	// been said last; Valid is 0.
	Failed Answers `json:"failed"`
	// Listened is how long it was listened to, and Length how long it is, in
	// milliseconds; null where nobody knows.
	Median *int    `json:"listened_ms_median"`
	P90    *int    `json:"listened_ms_p90"`
	Length *int    `json:"length_ms"`
	GaveUp []Count `json:"gave_up"` // positions of Failed, by half seconds; without those in a prompt of unknown length
	At     *Second `json:"gave_up_at"`
	Nodes  []Node  `json:"nodes"` // where it was said, the most failed answers first
}

// Answers counts answers by what they were.
type Answers struct {
	Valid   int64 `json:"valid"`
	NoInput int64 `json:"no_input"`
	NoMatch int64 `json:"no_match"`
	HungUp  int64 `json:"hung_up"` // with business unfinished
}

// All is how many answers there were.
func (a Answers) All() int64 { return a.Valid + a.NoInput + a.NoMatch + a.HungUp }

// Count is how often something happened within half a second from MS on.
type Count struct {
	MS int   `json:"ms"`
	N  int64 `json:"n"`
}

// Second is where most callers gave up: MS is the middle one of the densest half second,
// which N of Of failed answers fell into.
type Second struct {
	MS int   `json:"ms"`
	N  int64 `json:"n"`
	Of int64 `json:"of"`
}

// Node is a node of a menu where a prompt was said, and how many failed answers it cost there.
type Node struct {
	Node   string `json:"node"`
	Heard  int64  `json:"heard"`
	Failed int64  `json:"failed"`
}

//go:embed hearing.sql
var query string

// frame is the fineness of positions: that of the voice itself, in milliseconds.
const frame = 20

// longest is how long after its begin a call may still have steps: it bounds which
// days of steps are read.
const longest = 24 * time.Hour

// Read measures a window. Its figures are of one moment.
func Read(ctx context.Context, pool *pgxpool.Pool, w Window) (*Report, error) {
	r := &Report{From: w.From, To: w.To, Version: w.Version, Test: w.Test, Prompts: []Prompt{}}
	menus := slices.Sorted(maps.Keys(w.First))
	languages := make([]string, len(menus))
	for i, m := range menus {
		languages[i] = w.First[m]
	}
	endings := append([]string{}, w.Endings...)
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		// A week is sorted and hashed here, once a while and for one reader; compiling the
		// query would take longer than it saves.
		if _, err := tx.Exec(ctx, `set local work_mem = '64MB'; set local jit = off`); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `select count(*) from ivr.calls where started_at >= $1 and started_at < $2 and test = $3
			and starts_with(coalesce(menu_version, ''), $4)`, w.From, w.To, w.Test, w.Version).Scan(&r.Calls)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, query, w.From, w.To, w.Test, w.Version, w.To.Add(longest), menus, languages, endings, frame)
		if err != nil {
			return err
		}
		r.Prompts, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how prompts are understood: %w", err)
	}
	return r, nil
}

// scan reads one row of the query.
func scan(row pgx.CollectableRow) (Prompt, error) {
	var p Prompt
	var frames, failures []int64 // frame and failed answers in it, ascending
	var nodes []string
	var heard, failed []int64
	err := row.Scan(&p.Language, &p.ID, &p.Text, &p.Texts, &p.Heard, &p.Callers, &p.Replays,
		&p.First.Valid, &p.First.NoInput, &p.First.NoMatch, &p.First.HungUp,
		&p.Failed.NoInput, &p.Failed.NoMatch, &p.Failed.HungUp,
		&p.Median, &p.P90, &p.Length, &frames, &failures, &nodes, &heard, &failed)
	if err != nil {
		return p, err
	}
	counts := make([]Count, len(frames))
	for i := range frames {
		counts[i] = Count{int(frames[i]) * frame, failures[i]}
	}
	p.GaveUp, p.At = halfSeconds(counts), densest(counts)
	p.Nodes = make([]Node, len(nodes))
	for i := range nodes {
		p.Nodes[i] = Node{nodes[i], heard[i], failed[i]}
	}
	return p, nil
}
