package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/admin/api"
	"hotline/internal/orders/desk"
)

// listFlags are those of every list that comes in pages.
type listFlags struct {
	limit int
	after string
}

func (l *listFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.limit, "limit", 50, "how many, at most 200")
	cmd.Flags().StringVar(&l.after, "after", "", "what the list before said of the next page")
}

// query is the part of an address that wants the page of a list.
func (l *listFlags) query(state string) string {
	return "?" + url.Values{"state": {state}, "limit": {fmt.Sprint(l.limit)}, "after": {l.after}}.Encode()
}

// search is the body that wants it of a number, which given (--number) says is on standard input.
func (l *listFlags) search(cmd *cobra.Command, given string) (api.Search, error) {
	if given != "-" {
		return api.Search{}, usageError{errors.New("--number is -: the number is read from standard input, so that it is in no list of processes")}
	}
	line, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 100))
	if err != nil {
		return api.Search{}, fmt.Errorf("read the number: %w", err)
	}
	return api.Search{Number: strings.TrimSpace(string(line)), Limit: l.limit, After: l.after}, nil
}

func (c *adminClient) applicationsCommand() *cobra.Command {
	var number string
	var part listFlags
	cmd := &cobra.Command{
		Use:   "applications [APPLICATION]",
		Short: "Show an application, or list those of a number",
		Long: `Show an application by its id, or list those of a number: of its calls, and of orders for
it. The number is read from standard input; that needs the role operator.`,
		Example: `  ivr orders applications 01998c1e-0000-7000-8000-000000000001.2
  echo 13912345678 | ivr orders applications --number -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1) == (number != "") {
				return usageError{errors.New("give the id of an application, or --number -")}
			}
			var page api.Page[api.Application]
			if len(args) == 1 {
				var one api.Application
				return c.run(cmd, http.MethodGet, "/v1/applications/"+url.PathEscape(args[0]), nil, &one, func(out io.Writer, zone *time.Location) {
					page.Items = []api.Application{one}
					printApplications(out, page, zone)
				})
			}
			body, err := part.search(cmd, number)
			if err != nil {
				return err
			}
			return c.run(cmd, http.MethodPost, "/v1/applications/search", body, &page, func(out io.Writer, zone *time.Location) {
				printApplications(out, page, zone)
			})
		},
	}
	cmd.Flags().StringVar(&number, "number", "", "-: of the number on standard input")
	part.add(cmd)
	return cmd
}

func (c *adminClient) numberCommand() *cobra.Command {
	var body struct {
		Why string `json:"why"`
	}
	cmd := &cobra.Command{
		Use:     "number ORDER",
		Short:   "Read the number of an order in full; it is put on record who did, and why",
		Example: `  ivr orders number 01998c1e-0000-7000-8000-000000000001 --why "call back, ticket 4711"`,
		Args:    exactly("ORDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var number struct {
				Number string `json:"number"`
			}
			return c.run(cmd, http.MethodPost, "/v1/orders/"+url.PathEscape(args[0])+"/number", body, &number, func(out io.Writer, _ *time.Location) {
				fmt.Fprintln(out, number.Number)
			})
		},
	}
	cmd.Flags().StringVar(&body.Why, "why", "", "what for; no number in it")
	return cmd
}

func (c *adminClient) notificationsCommand() *cobra.Command {
	var state string
	var part listFlags
	cmd := &cobra.Command{
		Use:     "notifications",
		Short:   "List results on their way to callers, the newest first",
		Example: `  ivr orders notifications --state given_up`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page api.Page[api.Notification]
			return c.run(cmd, http.MethodGet, "/v1/notifications"+part.query(state), nil, &page, func(out io.Writer, zone *time.Location) {
				printNotifications(out, page, zone)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "held, heard, due, sent or given_up")
	part.add(cmd)
	return cmd
}

func (c *adminClient) bossCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "boss",
		Short: "Tell how orders go to the BOSS: breakers, limits, unresolved orders",
		Long: `Tell how orders go to the BOSS. Breakers and limits are those of the one server that is
asked (--admin); unresolved orders are those of all servers.

Exit codes: 0 both breakers are closed, 1 one is not, or the server does not answer, 2 wrong usage.`,
		Example: `  ivr orders boss
  ivr orders boss --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var state desk.State
			err := c.run(cmd, http.MethodGet, "/v1/boss", nil, &state, func(out io.Writer, _ *time.Location) { printBoss(out, state) })
			if err == nil && (state.Calls.Breaker != closedBreaker || state.Reconciling.Breaker != closedBreaker) {
				err = exitError(1)
			}
			return err
		},
	}
}

func (c *adminClient) auditCommand() *cobra.Command {
	var part listFlags
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List what users of the admin API have read and done, the newest first",
		Long: `List what users of the admin API have read and done, the newest first: also what they
were refused. Needs the role decider. The last column is the answer (HTTP); ? is no answer,
as the server died before it.`,
		Example: `  ivr orders audit --limit 200`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page api.Page[api.Audit]
			return c.run(cmd, http.MethodGet, "/v1/audit"+part.query(""), nil, &page, func(out io.Writer, zone *time.Location) {
				printAudit(out, page, zone)
			})
		},
	}
	part.add(cmd)
	return cmd
}

// closedBreaker is the state of a breaker that lets everything pass.
const closedBreaker = "closed"

func printBoss(out io.Writer, s desk.State) {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"way to the BOSS", "breaker", "requests", "failed", "at once", "waiting", "a second", "pause"})
	for _, g := range []struct {
		name string
		desk.Gate
	}{{"calls", s.Calls}, {"reconciling", s.Reconciling}} {
		breaker := g.Breaker
		if breaker != closedBreaker {
			breaker = paint(red, breaker)
		}
		t.AppendRow(table.Row{g.name, breaker, g.Requests, g.Failures, fmt.Sprint("≤ ", g.Concurrent), fmt.Sprint("≤ ", g.Queue),
			fmt.Sprint("≤ ", g.Rate), time.Duration(g.PauseMS) * time.Millisecond})
	}
	fmt.Fprintln(out, t.Render())
	fmt.Fprintf(out, "The BOSS acts on a key once only: %s; can be asked for an order: %s; tells its prices: %s\n",
		yesNo(s.BOSS.Idempotent), yesNo(s.BOSS.Queryable), yesNo(s.BOSS.Prices))
	fmt.Fprintf(out, "Orders of all servers: %d pending, %d sent, %d unknown; %d of them for a person ('ivr orders list --state person')\n",
		s.Unresolved["pending"], s.Unresolved["sent"], s.Unresolved["unknown"], s.ForAPerson)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
