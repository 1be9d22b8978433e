package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/httpboss"
	"hotline/internal/source"
)

// bossCheckFlags are what `ivr boss check` is asked.
type bossCheckFlags struct {
	query, number, service string
	typed                  map[string]string
	json                   bool
}

func bossCheckCommand() *cobra.Command {
	var f bossCheckFlags
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say everything that is wrong with the description of a BOSS, and try it",
		Long: `Read the description of a BOSS as the server would, and name every problem with its
place: file:line:col: message [rule]. What a description says is in docs/boss-adapter.md,
"A BOSS in YAML". Nothing is sent.

With --try, one question is asked: the secrets that the description names are read, and
the BOSS answers. Nothing but questions can be tried; no order is ever sent from here.

Exit codes: 0 no problems (there may be warnings) and an answer, 1 problems, no answer
or a refusal, 2 wrong usage.`,
		Example: `  ivr boss check deploy/boss/json.yaml
  BOSS_TOKEN_FILE=token ivr boss check deploy/boss/xml.yaml --try balance --number 13800000001
  ivr boss check boss.yaml --try bill_by_month --number 13800000001 --typed month=2610 --json`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return checkBoss(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.query, "try", "", "ask this query, e.g. balance")
	cmd.Flags().StringVar(&f.number, "number", "", "for this subscriber")
	cmd.Flags().StringVar(&f.service, "service", "", "about this service, where the query has one")
	cmd.Flags().StringToStringVar(&f.typed, "typed", nil, "with what a caller would type: month=2610, phone=13800000002")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, for programs")
	return cmd
}

// bossChecked is what --json prints.
type bossChecked struct {
	File     string          `json:"file"`
	Problems source.Problems `json:"problems"` // [] for none
	Tried    *bossTried      `json:"tried,omitempty"`
}

// bossTried is one question and its answer, or why there is none.
type bossTried struct {
	Query   string                  `json:"query"`
	Seconds float64                 `json:"seconds"`
	Result  string                  `json:"result,omitempty"`
	Values  map[string]orders.Value `json:"values,omitempty"`
	Error   string                  `json:"error,omitempty"`
}

func checkBoss(ctx context.Context, out, notes io.Writer, file string, f bossCheckFlags) error {
	q, err := f.question()
	if err != nil {
		return usageError{err}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read the description of a BOSS: %w", err)}
	}
	described, problems := httpboss.Load(file, text)
	told := bossChecked{File: file, Problems: append(source.Problems{}, problems...)}
	if described != nil && f.query != "" {
		if !slices.Contains(described.Queries(), q.Name) {
			return usageError{fmt.Errorf("%s describes no query %q (there are %s)", file, q.Name, strings.Join(described.Queries(), ", "))}
		}
		if told.Tried, err = tryBoss(ctx, described, q, notes); err != nil {
			return err
		}
	}
	if f.json {
		err = printJSON(out, told)
	} else {
		told.show(out)
	}
	failed := described == nil || told.Tried != nil && told.Tried.Result != (orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}).String()
	if err == nil && failed {
		return exitError(1)
	}
	return err
}

// question reads what is to be tried.
func (f bossCheckFlags) question() (orders.Query, error) {
	q := orders.Query{Name: f.query, Service: f.service, Application: "check", Call: "check", With: orders.With{}}
	if f.query == "" {
		if f.number != "" || f.service != "" || len(f.typed) > 0 {
			return q, errors.New("--number, --service and --typed are for --try")
		}
		return q, nil
	}
	number, err := orders.ParseMSISDN(f.number)
	if err != nil {
		return q, fmt.Errorf("--try asks for a subscriber, --number: %w", err)
	}
	q.Caller = number
	for name, keys := range f.typed {
		kind := entry.Kind(name)
		if !slices.Contains(entry.Kinds(), name) {
			kind = entry.Digits
		}
		fewest, most := kind.Length()
		typed, fault := kind.Parse(keys, fewest, most)
		if fault != entry.NoFault {
			return q, fmt.Errorf("--typed %s: no caller could type that: it is %s for a %s", name, fault, kind)
		}
		q.With[name] = typed
	}
	return q, nil
}

// tryBoss asks one question. Its error is about what the description needs and has not.
func tryBoss(ctx context.Context, described *httpboss.Description, q orders.Query, notes io.Writer) (*bossTried, error) {
	// A code that no table lists is what the author has to know of here.
	boss, err := described.Open(httpboss.Options{Log: slog.New(slog.NewTextHandler(notes, nil))})
	if err != nil {
		return nil, usageError{err}
	}
	defer boss.Close()
	begun := time.Now()
	answer, err := boss.Query(ctx, q)
	tried := &bossTried{Query: q.Name, Seconds: time.Since(begun).Seconds(), Values: answer.Values}
	if err != nil {
		tried.Error = err.Error()
		return tried, nil
	}
	tried.Result = answer.Result.String()
	return tried, nil
}

// show prints the problems with their lines, and then the answer.
func (b bossChecked) show(out io.Writer) {
	var c checked
	_ = c.gather(b.Problems) // they are problems
	warnings := c.showFindings(out)
	if len(b.Problems) > warnings {
		return
	}
	fmt.Fprintf(out, "%s: no problems", b.File)
	if warnings > 0 {
		fmt.Fprintf(out, ", %s", counted(warnings, "warning"))
	}
	fmt.Fprintln(out)
	if b.Tried == nil {
		return
	}
	if b.Tried.Error != "" {
		fmt.Fprintf(out, "%s: no answer after %.2f s: %s\n", b.Tried.Query, b.Tried.Seconds, b.Tried.Error)
		return
	}
	fmt.Fprintf(out, "%s: %s after %.2f s\n", b.Tried.Query, b.Tried.Result, b.Tried.Seconds)
	if len(b.Tried.Values) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"value", "is", "reads"})
	for _, name := range slices.Sorted(maps.Keys(b.Tried.Values)) {
		v := b.Tried.Values[name]
		t.AppendRow(table.Row{name, v.Kind, readBossValue(v)})
	}
	t.Render()
}

// readBossValue is a value for a person; a telephone number is masked.
func readBossValue(v orders.Value) string {
	switch {
	case v.Kind == orders.ValueMoney:
		return orders.Money(v.Number).String() + " yuan"
	case v.Kind == orders.ValuePhone:
		number, err := orders.ParseMSISDN(v.Word)
		if err != nil {
			return "****"
		}
		return number.String()
	case v.Kind.Worded():
		return v.Word
	case v.Kind == orders.ValueTime:
		return fmt.Sprintf("%04d", v.Number)
	}
	return fmt.Sprint(v.Number)
}
