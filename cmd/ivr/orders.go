package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/admin/api"
)

// mostAnswer is more than a page of the API has.
const mostAnswer = 16 << 20

// adminClient asks the admin API.
type adminClient struct {
	admin     string
	tokenFile string
	asJSON    bool
}

func ordersCommand() *cobra.Command {
	var c adminClient
	cmd := &cobra.Command{
		Use:   "orders",
		Short: "Look into orders, and act where programs cannot",
		Long: `Look into orders, and act where programs cannot: over the admin API of a server
(ADMIN_ADDR), as a user of its file ('ivr admin adduser').

Exit codes: 0 done, 1 refused, not there, or the server does not answer, 2 wrong usage.`,
		Example: `  ivr orders list --state person
  echo 13912345678 | ivr orders list --number -
  ivr orders decide 0199… --outcome success --detail reconciled --why "BOSS console shows it"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&c.admin, "admin", "", "where the admin API is (ADMIN_ADDR)")
	flags.StringVar(&c.tokenFile, "token-file", "", "file with your bearer token (ADMIN_TOKEN_FILE)")
	flags.BoolVar(&c.asJSON, "json", false, "print JSON, for programs")
	cmd.AddCommand(c.listCommand(), c.showCommand(), c.numberCommand(), c.reconcileCommand(), c.decideCommand(),
		c.applicationsCommand(), c.notificationsCommand(), c.notifyCommand(), c.bossCommand(), c.auditCommand())
	return cmd
}

func (c *adminClient) listCommand() *cobra.Command {
	var state, number string
	var part listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List orders: all, those of a state, or those of a number",
		Long: `List orders, the newest first; with --state unresolved or person, the oldest first.
person are those which nothing but a person can resolve. A number is read from
standard input (--number -), so that it is in no list of processes; it needs the role operator.`,
		Example: `  ivr orders list --state unresolved
  echo 13912345678 | ivr orders list --number -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			method, path, body := http.MethodGet, "/v1/orders"+part.query(state), any(nil)
			if number != "" && state != "" {
				return usageError{errors.New("--state and --number do not go together")}
			}
			if number != "" {
				search, err := part.search(cmd, number)
				if err != nil {
					return err
				}
				method, path, body = http.MethodPost, "/v1/orders/search", search
			}
			var page api.Page[api.Order]
			return c.run(cmd, method, path, body, &page, func(out io.Writer, zone *time.Location) { printOrders(out, page, zone) })
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "unresolved, person, pending, sent, unknown, done, rejected or failed")
	cmd.Flags().StringVar(&number, "number", "", "-: of the number on standard input")
	part.add(cmd)
	return cmd
}

func (c *adminClient) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ORDER",
		Short:   "Show an order, its applications, its notification and its history",
		Example: `  ivr orders show 01998c1e-0000-7000-8000-000000000001`,
		Args:    exactly("ORDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o struct {
				api.Shown
				History []api.Step `json:"history"`
			}
			path := "/v1/orders/" + url.PathEscape(args[0])
			if err := c.do(cmd.Context(), http.MethodGet, path, nil, &o.Shown); err != nil {
				return err
			}
			for after, more := "", true; more; more = after != "" {
				var page api.Page[api.Step]
				query := url.Values{"limit": {"200"}, "after": {after}}.Encode()
				if err := c.do(cmd.Context(), http.MethodGet, path+"/history?"+query, nil, &page); err != nil {
					return err
				}
				o.History, after = append(o.History, page.Items...), page.Next
			}
			return c.print(cmd.OutOrStdout(), o, func(out io.Writer, zone *time.Location) { printOrder(out, o.Shown, o.History, zone) })
		},
	}
}

func (c *adminClient) reconcileCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reconcile ORDER",
		Short:   "Have an unknown order looked up at the BOSS now",
		Example: `  ivr orders reconcile 01998c1e-0000-7000-8000-000000000001`,
		Args:    exactly("ORDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o api.Order
			return c.run(cmd, http.MethodPost, "/v1/orders/"+url.PathEscape(args[0])+"/reconcile", nil, &o, func(out io.Writer, _ *time.Location) {
				fmt.Fprintf(out, "order %s is looked up next; see 'ivr orders show %[1]s'\n", o.Order)
			})
		},
	}
}

func (c *adminClient) decideCommand() *cobra.Command {
	var d api.Decision
	cmd := &cobra.Command{
		Use:   "decide ORDER",
		Short: "Decide what came of an unknown order",
		Long: `Decide what came of an unknown order, because you have found it out elsewhere. It cannot be
taken back: its applications are closed and the caller is told. Needs the role decider.`,
		Example: `  ivr orders decide 01998c1e-0000-7000-8000-000000000001 --outcome system_failed --detail boss_error --why "BOSS has no such order, ticket 4711"`,
		Args:    exactly("ORDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o api.Shown
			return c.run(cmd, http.MethodPost, "/v1/orders/"+url.PathEscape(args[0])+"/decide", d, &o, func(out io.Writer, _ *time.Location) {
				fmt.Fprintf(out, "order %s is %s (%s/%s)\n", o.Order.Order, o.State, o.Outcome, o.Detail)
			})
		},
	}
	cmd.Flags().StringVar((*string)(&d.Outcome), "outcome", "", "success, rejected or system_failed")
	cmd.Flags().StringVar((*string)(&d.Detail), "detail", "", "one that belongs to it, e.g. reconciled, already_open, boss_error")
	cmd.Flags().StringVar(&d.Why, "why", "", "how it is known; no number in it")
	return cmd
}

func (c *adminClient) notifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "notify NOTIFICATION",
		Short:   "Send a notification that is due or given up again ('ivr orders show' has its id)",
		Example: `  ivr orders notify 5f0c2f0e-0000-4000-8000-000000000001`,
		Args:    exactly("NOTIFICATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var n api.Notification
			return c.run(cmd, http.MethodPost, "/v1/notifications/"+url.PathEscape(args[0])+"/retry", nil, &n, func(out io.Writer, _ *time.Location) {
				fmt.Fprintf(out, "notification %s is sent next\n", n.Notification)
			})
		},
	}
}

// run asks and prints what is answered.
func (c *adminClient) run(cmd *cobra.Command, method, path string, body, into any, human func(io.Writer, *time.Location)) error {
	if err := c.do(cmd.Context(), method, path, body, into); err != nil {
		return err
	}
	return c.print(cmd.OutOrStdout(), into, human)
}

func (c *adminClient) print(out io.Writer, what any, human func(io.Writer, *time.Location)) error {
	if c.asJSON {
		return json.NewEncoder(out).Encode(what)
	}
	zone, err := reportZone()
	if err == nil {
		human(out, zone)
	}
	return err
}

// do asks once. The error is what the API says is wrong.
func (c *adminClient) do(ctx context.Context, method, path string, body, into any) error {
	addr, file := cmp.Or(c.admin, os.Getenv("ADMIN_ADDR")), cmp.Or(c.tokenFile, os.Getenv("ADMIN_TOKEN_FILE"))
	if addr == "" || file == "" {
		return usageError{errors.New("where is the admin API, and who are you? Give --admin HOST:PORT (or ADMIN_ADDR) and --token-file FILE (or ADMIN_TOKEN_FILE)")}
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read your token: %w", err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(addr, "/")+path, bytes.NewReader(text))
	if err != nil {
		return usageError{fmt.Errorf("--admin is not of the form HOST:PORT: %w", err)}
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	// A redirect could take the token, or a number, to somebody else.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no admin API answers at %s (--admin); is 'ivr serve' with ADMIN_ADDR running there?", addr)
	}
	defer resp.Body.Close()
	answer := json.NewDecoder(io.LimitReader(resp.Body, mostAnswer))
	if resp.StatusCode >= http.StatusMultipleChoices {
		var problem struct{ Title, Detail string }
		if err := answer.Decode(&problem); err != nil || problem.Title == "" {
			return fmt.Errorf("%s answers %s, which is not the admin API's way", addr, resp.Status)
		}
		return fmt.Errorf("%s: %s", problem.Title, problem.Detail)
	}
	if err := answer.Decode(into); err != nil {
		return fmt.Errorf("read what %s answers: %w", addr, err)
	}
	return nil
}
