package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/dialtest"
	"hotline/internal/orders"
)

// dialtestFlags are the choices of `ivr dialtest call`.
type dialtestFlags struct {
	keys, from, to  string
	expect, envFile string
	test, patient   bool
	json            bool
	listen, longest time.Duration
}

func dialtestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dialtest",
		Short: "Call the hotline as a caller does, and judge what comes of it",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(dialtestCallCommand())
	return cmd
}

func dialtestCallCommand() *cobra.Command {
	var f dialtestFlags
	cmd := &cobra.Command{
		Use:   "call",
		Short: "Place one real call, press keys, and show what was heard and recorded",
		Long: `Place one real call over SIP and RTP, press keys, and show as it happens which
prompts are heard and how long each took from the key on. After the call its
applications are read from the journal.

A word of --keys is typed in one go: a key of a menu, or an entry with the key that ends
it. Each is typed when the announcement before it has been heard for --listen. A word
after secret: is shown as • everywhere; set it in KEYS, because the arguments of a
program can be read by everybody on the machine.

Exit code: 0 the last application ended as expected, 1 it did not or there was no
call, 2 wrong usage.

SIP_ADDR, DIALTEST_TOKEN, AUDIO and DATABASE_URL are taken from the environment, and
what is not set there from the file that a running 'ivr up' keeps.`,
		Example: `  ivr dialtest call                       # 3 1 1 1: open caller-ID display
  ivr dialtest call --keys "3 1 1 1" --expect rejected/already_open
  ivr dialtest call --keys "#3014#" --expect any     # dialled by its code
  KEYS="1 2 secret:123456#" ivr dialtest call      # the bill, by service password
  ivr dialtest call --keys "1" --expect any --patient`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDialtest(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f, cmd.Flags().Changed("env-file"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.keys, "keys", cmp.Or(os.Getenv("KEYS"), "3 1 1 1"), "words of keys to type, in turn; secret: before a word hides it (env KEYS)")
	flags.StringVar(&f.from, "from", cmp.Or(os.Getenv("FROM"), "13800000001"), "the caller's number (env FROM)")
	flags.StringVar(&f.to, "to", "10086", "the number to call")
	flags.StringVar(&f.expect, "expect", "success", "outcome, or outcome/detail, of the last application; 'any' for no matter which")
	flags.StringVar(&f.envFile, "env-file", ".run/env", "settings of the hotline that runs")
	flags.BoolVar(&f.test, "test", true, "mark the call as a test call, which stays out of the live failure rate")
	flags.BoolVar(&f.patient, "patient", false, "hear every announcement to its end before the next key")
	flags.BoolVar(&f.json, "json", false, "print JSON after the call, for programs")
	flags.DurationVar(&f.listen, "listen", 600*time.Millisecond, "how much of an announcement to hear before the next key")
	flags.DurationVar(&f.longest, "longest", 2*time.Minute, "hang up after this time at the latest")
	return cmd
}

// dialtestSettings are what a call needs to know of the hotline.
type dialtestSettings struct{ sipAddr, token, audio, databaseURL string }

// readDialtestSettings takes the environment first, so that a file left over from
// another run cannot redirect a call.
func readDialtestSettings(envFile string, mustExist bool) (dialtestSettings, error) {
	file, err := os.ReadFile(envFile)
	if err != nil && (mustExist || !errors.Is(err, os.ErrNotExist)) {
		return dialtestSettings{}, fmt.Errorf("read the settings of the hotline: %w", err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(file)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok {
			set[name] = strings.Trim(value, `'"`)
		}
	}
	get := func(name string) string { return cmp.Or(os.Getenv(name), set[name]) }
	s := dialtestSettings{sipAddr: get("SIP_ADDR"), token: get("DIALTEST_TOKEN"), audio: get("AUDIO"), databaseURL: get("DATABASE_URL")}
	if s.sipAddr == "" {
		return s, fmt.Errorf("no hotline to call: SIP_ADDR is not set, and %s does not say it (start one with 'make run')", envFile)
	}
	return s, nil
}

// parseExpected checks --expect against the closed set.
func parseExpected(s string) (orders.Result, error) {
	if s == "any" {
		return orders.Result{}, nil
	}
	outcome, detail, detailed := strings.Cut(s, "/")
	want := orders.Result{Outcome: orders.Outcome(outcome), Detail: orders.Detail(detail)}
	var known []string
	for _, r := range orders.Results() {
		if r == want || (!detailed && r.Outcome == want.Outcome) {
			return want, nil
		}
		known = append(known, r.String())
	}
	return want, usageError{fmt.Errorf("--expect %q is no outcome; known are any, an outcome alone, and %s", s, strings.Join(known, ", "))}
}

// dialtestReport is what --json prints.
type dialtestReport struct {
	CallID       string             `json:"call_id"`
	From         orders.MSISDN      `json:"from"`
	To           string             `json:"to"`
	Test         bool               `json:"test"`
	Heard        []dialtest.Heard   `json:"heard"`
	Keys         []dialtest.Pressed `json:"keys"`
	EndedBy      string             `json:"ended_by"`
	Packets      int                `json:"packets"`
	Missing      int                `json:"missing"`
	Applications []applicationRow   `json:"applications"`
	Expected     string             `json:"expected"`
	AsExpected   bool               `json:"as_expected"`
	Problem      string             `json:"problem,omitempty"`
}

func runDialtest(ctx context.Context, out, errOut io.Writer, f dialtestFlags, envFileGiven bool) error {
	from, err := orders.ParseMSISDN(f.from)
	if err != nil {
		return usageError{fmt.Errorf("--from %q: %w", f.from, err)}
	}
	words, err := dialtest.ParseKeys(f.keys)
	if err != nil {
		return usageError{fmt.Errorf("--keys: %w", err)}
	}
	want, err := parseExpected(f.expect)
	if err != nil {
		return err
	}
	set, err := readDialtestSettings(f.envFile, envFileGiven)
	if err != nil {
		return err
	}
	if f.test && set.token == "" {
		return errors.New("a test call needs DIALTEST_TOKEN (or call as an ordinary caller, with --test=false)")
	}
	if !f.test {
		set.token = ""
	}
	audio, err := loadRecordings(set.audio)
	if err != nil {
		return err
	}
	caller, err := dialtest.New(dialtest.Options{Addr: set.sipAddr, Token: set.token, Audio: audio})
	if err != nil {
		return err
	}
	defer caller.Close()

	show := newTimeline(out)
	if f.json {
		show = newTimeline(io.Discard)
	}
	report := dialtestReport{From: from, To: f.to, Test: f.test, Expected: f.expect}
	journal := openJournal(ctx, set.databaseURL)
	defer journal.close()
	if err := placeCall(ctx, caller, journal, f, words, &report, show); err != nil {
		return err
	}
	problem := judge(&report, journal, want, f.expect == "any")
	show.rows(report)
	if f.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return fmt.Errorf("print the report: %w", err)
		}
	}
	if problem != nil {
		fmt.Fprintf(errOut, "ivr: %v\n", problem)
		return exitError(1)
	}
	return nil
}

// loadRecordings reads the folder that the hotline plays from.
func loadRecordings(dir string) (*dialtest.Audio, error) {
	if dir == "" {
		return nil, errors.New("AUDIO is not set: the folder with the prompts' audio, by which they are recognised")
	}
	audio, err := dialtest.LoadAudio(os.DirFS(dir))
	if errors.Is(err, dialtest.ErrCodec) {
		return nil, fmt.Errorf("the recordings in %s: %w", dir, err)
	} else if err != nil {
		return nil, fmt.Errorf("no recordings in %s (make them with 'ivr prompts build'): %w", dir, err)
	}
	return audio, nil
}

// placeCall calls, presses, listens, hangs up, and reads the journal. What went
// wrong once the call was up stands in the report.
func placeCall(ctx context.Context, caller *dialtest.Caller, journal *journalReader, f dialtestFlags, words []dialtest.Word, report *dialtestReport, show *timeline) error {
	from := report.From
	show.dialling(from, f.to)
	call, err := caller.Dial(ctx, dialtest.Call{From: from, To: f.to})
	if err != nil {
		return explainDial(err)
	}
	began, after := call.Answered()
	show.answered(began, after)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		show.watch(call)
	}()

	bounded, cancel := context.WithTimeout(ctx, f.longest)
	defer cancel()
	keys, walkErr := call.Walk(bounded, dialtest.Walk{
		Keys: words, Patient: f.patient, Listen: f.listen, OnPress: show.pressed,
	})
	report.Keys = keys
	report.CallID = call.CallID()
	if report.CallID == "" {
		report.CallID = journal.findCall(ctx, from, f.to, began)
	}
	if walkErr == nil {
		listenOn(bounded, call, journal, report.CallID, keys)
	}
	// Ctrl-C ends the call as a caller would: with a BYE.
	hangErr := call.Hangup(context.WithoutCancel(ctx))
	<-watched
	report.Heard, report.EndedBy = call.Heard(), call.EndedBy()
	report.Packets, report.Missing = call.Lost()
	show.ended(report)
	if err := errors.Join(walkErr, hangErr); err != nil {
		report.Problem = err.Error()
	}
	report.Applications = journal.finalRows(context.WithoutCancel(ctx), report.CallID)
	return nil
}

// listenOn hears the result to its end: until it is quiet or the menu asks again,
// and the journal knows no application any more on which something is being done.
func listenOn(ctx context.Context, call *dialtest.Session, journal *journalReader, callID string, keys []dialtest.Pressed) {
	quiet := 1200 * time.Millisecond
	if journal.err != nil {
		quiet = 2500 * time.Millisecond // a BOSS that is not slow has answered by then
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	answered := time.Now() // last seen busy: the journal knows a result before anybody says it
	for {
		busy, done := journal.progress(ctx, callID)
		if busy {
			answered = time.Now()
		}
		if !busy && (min(call.Quiet(), time.Since(answered)) >= quiet || done && asksAgain(call.Heard(), keys)) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-call.Ended():
			return
		case <-tick.C:
		}
	}
}

// asksAgain tells whether a prompt from before the last key has been said again after it.
func asksAgain(line []dialtest.Heard, keys []dialtest.Pressed) bool {
	if len(keys) == 0 {
		return false
	}
	last := keys[len(keys)-1].At
	before := map[string]bool{}
	for _, h := range line {
		if h.Start.Before(last) {
			before[h.Prompt] = true
		} else if before[h.Prompt] && h.Prompt != dialtest.Unknown {
			return true
		}
	}
	return false
}

// explainDial adds what a person can do about a call that did not come about.
func explainDial(err error) error {
	var refused *dialtest.RefusedError
	switch {
	case errors.Is(err, dialtest.ErrNobody):
		return fmt.Errorf("%w (is 'make run' up?)", err)
	case errors.As(err, &refused) && refused.Code == 486:
		return fmt.Errorf("%w (the line is busy)", err)
	case errors.As(err, &refused) && refused.Code == 503:
		return fmt.Errorf("%w (the switch is overloaded or stopping)", err)
	case errors.As(err, &refused) && (refused.Code == 401 || refused.Code == 403):
		return fmt.Errorf("%w (the switch does not know this DIALTEST_TOKEN: it is made anew at each start)", err)
	}
	return err
}

// judge compares the last application with what was expected, and what was heard with the manifest.
func judge(report *dialtestReport, journal *journalReader, want orders.Result, anything bool) error {
	var problem error
	otherwise := func(h dialtest.Heard) bool { return differs(h, report.Missing) }
	switch n := len(report.Applications); {
	case report.Problem != "":
		problem = errors.New(report.Problem)
	case slices.ContainsFunc(report.Heard, otherwise):
		h := report.Heard[slices.IndexFunc(report.Heard, otherwise)]
		problem = fmt.Errorf("%s is heard otherwise than the manifest says before %d ms: compare its file on that Asterisk ('ivr prompts follow' copies it again)", h.Prompt, h.From.Milliseconds())
	case anything:
	case journal.err != nil:
		problem = fmt.Errorf("the outcome is not known: %w", journal.err)
	case n == 0:
		problem = errors.New("the journal has no application of this call (is the server up, and DIALTEST_TOKEN that of its start?)")
	default:
		if got := report.Applications[n-1].Result; got.Outcome != want.Outcome || (want.Detail != "" && got.Detail != want.Detail) {
			problem = fmt.Errorf("expected %s, got %s", report.Expected, cmp.Or(got.String(), "an application that is still open"))
		}
	}
	if problem != nil {
		report.Problem = problem.Error()
	}
	report.AsExpected = problem == nil
	return problem
}
