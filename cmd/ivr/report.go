package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"hotline/internal/ivr"
	"hotline/internal/journal"
)

type reportFlags struct {
	from, to string
	since    time.Duration
	test     bool
	json     bool
}

func reportCommand() *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show the failure rate, and which service, node and cause it comes from",
		Long: `Show what became of the applications that callers opened in a period: the
failure rate under every policy, and the services, nodes and causes behind it.

Days begin at midnight in REPORT_ZONE (default Asia/Shanghai). The policies:
  standard          orders, passwords and handling; without unknown, switched and cancelled
  circle            the same with queries and callers who never chose
  all-applications  the failures of standard among all its closed applications
  strict            everything but success is a failure
  system, guidance  failures of that category only, among what standard counts`,
		Example: `  ivr report                                  # today
  ivr report --since 24h
  ivr report --from 2026-11-01 --to 2026-11-30 # both days included
  ivr report --test --json                     # dial tests, for programs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runReport(cmd, flags)
		},
	}
	cmd.Flags().StringVar(&flags.from, "from", "", "first day, as 2026-11-01 (default: today, or the day of --to)")
	cmd.Flags().StringVar(&flags.to, "to", "", "last day (default: today)")
	cmd.Flags().DurationVar(&flags.since, "since", 0, "the time until now instead of days, as 24h")
	cmd.Flags().BoolVar(&flags.test, "test", false, "dial tests instead of live calls")
	cmd.Flags().BoolVar(&flags.json, "json", false, "write JSON")
	return cmd
}

func runReport(cmd *cobra.Command, flags reportFlags) error {
	url, err := databaseURL()
	if err != nil {
		return err
	}
	zone, err := reportZone()
	if err != nil {
		return err
	}
	period, err := flags.period(time.Now(), zone)
	if err != nil {
		return usageError{err}
	}
	pool, err := pgxpool.New(cmd.Context(), url)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	defer pool.Close()
	report, err := journal.ReadReport(cmd.Context(), pool, period)
	if err != nil {
		return unreachable(url, err)
	}
	if flags.json {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	printReport(cmd.OutOrStdout(), report, zone)
	return nil
}

// period turns the flags into [From, To): days count as a whole, To is the day after the last.
func (f reportFlags) period(now time.Time, zone *time.Location) (journal.Period, error) {
	p := journal.Period{Zone: zone, Test: f.test}
	if f.since != 0 {
		if f.from != "" || f.to != "" {
			return p, errors.New("--since does not go with --from or --to")
		}
		if f.since < 0 {
			return p, errors.New("--since takes a time such as 24h")
		}
		p.From, p.To = now.Add(-f.since), now
		return p, nil
	}
	day := func(flag, value string, otherwise time.Time) (time.Time, error) {
		if value == "" {
			return otherwise, nil
		}
		d, err := time.ParseInLocation(time.DateOnly, value, zone)
		if err != nil {
			return d, fmt.Errorf("--%s takes a day such as 2026-11-01, not %q", flag, value)
		}
		return d, nil
	}
	local := now.In(zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	last, err := day("to", f.to, today)
	if err != nil {
		return p, err
	}
	if p.From, err = day("from", f.from, last); err != nil {
		return p, err
	}
	if last.Before(p.From) {
		return p, errors.New("--to is before --from")
	}
	p.To = last.AddDate(0, 0, 1)
	return p, nil
}

func printReport(out io.Writer, r *journal.Report, zone *time.Location) {
	whose := "live calls"
	if r.Test {
		whose = "dial tests"
	}
	const clock = "2006-01-02 15:04"
	fmt.Fprintf(out, "Failure rate, %s, %s to %s (%s)\n", whose, r.From.In(zone).Format(clock), r.To.In(zone).Format(clock), zone)
	fmt.Fprintf(out, "Limit %.2f %%, goal %.2f %%\n\n", r.LimitPercent, r.GoalPercent)

	rates := newTable("policy", "failures", "counted", "rate", "against limit and goal")
	for _, rate := range r.Policies {
		rates.AppendRow(table.Row{rate.Policy, rate.Failures, rate.Counted, percent(rate), againstTargets(rate)})
	}
	show(out, "", rates)
	fmt.Fprintf(out, "Calls: %d served; unserved: %d met no server, %d were refused\n", r.Calls, r.Unserved["fallback"], r.Unserved["refused"])
	for _, why := range slices.Sorted(maps.Keys(r.Refused)) {
		fmt.Fprintf(out, "  %4d %s\n", r.Refused[why], refusal(why))
	}
	fmt.Fprintf(out, "Undecided to the end: %s of the calls that reached a menu\n", share(r.Undecided))
	fmt.Fprintf(out, "Left out by standard: cancelled %s, switched %s, unknown %s of its closed applications\n",
		share(r.LeftOut.Cancelled), share(r.LeftOut.Switched), share(r.LeftOut.Unknown))
	a := r.Applications
	fmt.Fprintf(out, "Conservation: opened %d = closed %d + open %d", a.Opened, a.Closed, a.Open)
	if a.Unproven > 0 {
		fmt.Fprintf(out, " (%d of them without proof: their steps have been dropped)", a.Unproven)
	}
	if a.Lost != 0 {
		fmt.Fprintf(out, " + %d LOST: the figures above are wrong", a.Lost)
	}
	fmt.Fprint(out, "\n\n")

	endings := newTable("kind", "outcome", "detail", "applications")
	for _, e := range r.Endings {
		outcome := e.Outcome
		if outcome == "" {
			outcome = "(open)"
		}
		endings.AppendRow(table.Row{e.Kind, outcome, e.Detail, e.Count})
	}
	show(out, "Outcomes", endings)
	showGroups(out, "By service", "service", "action", r.Services)
	showGroups(out, "By node and prompt where applications ended, if any failed there", "node", "prompt", r.Nodes)
	showGroups(out, "By cause of failure (the rates add up to the policy's)", "category", "rule", r.Causes)
	showGroups(out, "By day", "day", "", r.Days)
	showGroups(out, "By hour of day", "hour", "", r.Hours)

	ratings := newTable("service", "ratings", "mean", "satisfied (4 and 5)")
	for _, s := range r.Satisfaction {
		ratings.AppendRow(table.Row{named(s.Name), s.Ratings, fmt.Sprintf("%.2f", s.Mean), share(s.Satisfied)})
	}
	show(out, "Satisfaction by service", ratings)
	if r.Callbacks.Of > 0 {
		fmt.Fprintf(out, "To be called back: %d, and %d of them wait\n", r.Callbacks.Of, r.Callbacks.Count)
	}
}

// refusals say why calls were refused, by the word in ivr.unserved.
var refusals = map[ivr.Refusal]string{
	ivr.RefusedFull:     "as many calls were live as a server takes (MAX_CALLS)",
	ivr.RefusedRate:     "as many calls began within a second (CALL_RATE)",
	ivr.RefusedUnnamed:  "as many calls were live, or began within a second, without a trustworthy number (MAX_UNNAMED)",
	ivr.RefusedLive:     "the number had as many calls at once (NUMBER_LIMITS, live)",
	ivr.RefusedMinute:   "the number called so often within a minute (NUMBER_LIMITS, minute)",
	ivr.RefusedHour:     "the number called so often within an hour (NUMBER_LIMITS, hour)",
	ivr.RefusedStopping: "the server was stopping",
	ivr.RefusedOther:    "the call was being served already, or came without its arguments",
}

func refusal(why string) string {
	if text, known := refusals[ivr.Refusal(why)]; known {
		return text
	}
	return "for a reason that is not on record"
}

func showGroups(out io.Writer, title, name, detail string, groups []journal.Group) {
	t := newTable(name, detail, "standard", "standard rate", "circle", "circle rate")
	for _, g := range groups {
		t.AppendRow(table.Row{named(g.Name), g.Detail, ratio(g.Standard), percent(g.Standard), ratio(g.Circle), percent(g.Circle)})
	}
	if detail == "" {
		t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, Hidden: true},
			{Number: 3, Align: text.AlignRight}, {Number: 4, Align: text.AlignRight},
			{Number: 5, Align: text.AlignRight}, {Number: 6, Align: text.AlignRight}})
	}
	show(out, title, t)
}

func named(name string) string {
	if name == "" {
		return "(none)"
	}
	return name
}

func newTable(columns ...string) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	row := make(table.Row, len(columns))
	var configs []table.ColumnConfig
	for i, c := range columns {
		row[i] = c
		switch c {
		case "failures", "counted", "rate", "applications", "standard", "standard rate", "circle", "circle rate", "ratings", "mean":
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight})
		}
	}
	t.AppendHeader(row)
	t.SetColumnConfigs(configs)
	return t
}

// show leaves out a table without rows.
func show(out io.Writer, title string, t table.Writer) {
	if t.Length() == 0 {
		return
	}
	if title != "" {
		fmt.Fprintln(out, title)
	}
	fmt.Fprintln(out, t.Render())
	fmt.Fprintln(out)
}

func percent(r journal.Rate) string {
	if r.Percent == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", *r.Percent)
}

func ratio(r journal.Rate) string { return fmt.Sprintf("%d/%d", r.Failures, r.Counted) }

func share(s journal.Share) string {
	if s.Of == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%.2f %%)", s.Count, 100*float64(s.Count)/float64(s.Of))
}

// againstTargets compares a rate with the targets. They were set for all failures;
// a part of them (system, guidance) would meet them too easily, and strict never.
func againstTargets(r journal.Rate) string {
	switch {
	case r.Percent == nil:
		return "nothing counted"
	case r.Policy == "strict" || r.Policy == "system" || r.Policy == "guidance":
		return ""
	case *r.Percent > journal.LimitPercent:
		return "above the limit"
	case *r.Percent > journal.GoalPercent:
		return "within the limit, above the goal"
	}
	return "meets the goal"
}
