package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/outside"
	"hotline/internal/source"
)

func serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Close a service for callers, open it again, or post a notice about it",
		Long: `Close a service for callers, open it again, or post a notice that they hear before it.

A service is an id of the service catalogue, such as caller_id: its orders and its
status; or what a query looks up, such as balance. It holds for all servers within 2
seconds, for calls under way too, without new menus. Servers go on with what they knew
last while Postgres is away.`,
		Example: `  ivr service close ringback_tone --reason "BOSS is upgraded until 6:00"
  ivr service notice balance notice.upgrade --from "2026-10-01 00:00" --until "2026-10-01 06:00"
  ivr service list`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(serviceCloseCommand(), serviceOpenCommand(), serviceNoticeCommand(), serviceWithdrawCommand(), serviceListCommand())
	return cmd
}

func serviceCloseCommand() *cobra.Command {
	var reason, author string
	cmd := &cobra.Command{
		Use:     "close SERVICE",
		Short:   "Close a service for callers, within 2 seconds",
		Example: `  ivr service close caller_id --reason "BOSS refuses every order"`,
		Args:    exactly("SERVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usageError{errors.New("why is it closed? Give --reason, for colleagues; callers do not hear it")}
			}
			return withServices(cmd.Context(), func(ctx context.Context, store *outside.Store, known services) error {
				if err := known.service(args[0]); err != nil {
					return err
				}
				if err := store.Turn(ctx, outside.Switch{Service: args[0], Closed: true, Reason: reason, Author: author}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is closed for callers within 2 seconds\n", known.full(args[0]))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for colleagues (required)")
	cmd.Flags().StringVar(&author, "author", osUser(), "who does it")
	return cmd
}

func serviceOpenCommand() *cobra.Command {
	var author string
	cmd := &cobra.Command{
		Use:     "open SERVICE",
		Short:   "Open a service again that was closed",
		Example: "  ivr service open caller_id",
		Args:    exactly("SERVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withServices(cmd.Context(), func(ctx context.Context, store *outside.Store, known services) error {
				switches, err := store.Switches(ctx)
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(switches, func(s outside.Switch) bool { return s.Service == args[0] && s.Closed }) {
					if err := known.service(args[0]); err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s is not closed\n", known.full(args[0]))
					return nil
				}
				if err := store.Turn(ctx, outside.Switch{Service: args[0], Author: author}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is open for callers within 2 seconds\n", known.full(args[0]))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&author, "author", osUser(), "who does it")
	return cmd
}

func serviceNoticeCommand() *cobra.Command {
	var from, until, author string
	cmd := &cobra.Command{
		Use:   "notice SERVICE PROMPT",
		Short: "Have callers hear a prompt before a service, for some time",
		Long: `Have callers hear a prompt before a service. The prompt is one of the live texts. Of
several notices that hold at once the newest is said.

Times are 2026-10-01, "2026-10-01 06:00" (in REPORT_ZONE), RFC 3339, or a time from
now such as 2h30m.`,
		Example: `  ivr service notice balance notice.upgrade --until 2h
  ivr service notice caller_id notice.upgrade --from "2026-10-01 00:00" --until "2026-10-01 06:00"`,
		Args: exactly("SERVICE PROMPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := reportZone()
			if err != nil {
				return err
			}
			n, err := newNotice(args[0], args[1], from, until, time.Now(), zone)
			if err != nil {
				return err
			}
			n.Author = author
			return withServices(cmd.Context(), func(ctx context.Context, store *outside.Store, known services) error {
				if err := errors.Join(known.service(n.Service), known.prompt(n.Prompt)); err != nil {
					return err
				}
				if err := store.Post(ctx, n); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: callers hear %s (%s) %s\n", known.full(n.Service), n.Prompt, known.prompts[n.Prompt], period(n, zone))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "when it begins to hold (default: now)")
	cmd.Flags().StringVar(&until, "until", "", "when it ends (default: when it is withdrawn)")
	cmd.Flags().StringVar(&author, "author", osUser(), "who does it")
	return cmd
}

// newNotice reads the times of a notice.
func newNotice(service, prompt, from, until string, now time.Time, zone *time.Location) (outside.Notice, error) {
	n := outside.Notice{Service: service, Prompt: prompt, Starts: now}
	var err error
	if from != "" {
		if n.Starts, err = moment(from, now, zone); err != nil {
			return n, usageError{fmt.Errorf("--from: %w", err)}
		}
	}
	if until != "" {
		ends, err := moment(until, now, zone)
		if err != nil {
			return n, usageError{fmt.Errorf("--until: %w", err)}
		}
		if !ends.After(now) || !ends.After(n.Starts) {
			return n, usageError{fmt.Errorf("the notice ends at %s, before it could be heard", clock(ends, zone))}
		}
		n.Ends = &ends
	}
	return n, nil
}

// moment reads a time as people write it.
func moment(s string, now time.Time, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	return now, fmt.Errorf("%q is no time such as 2026-10-01, \"2026-10-01 06:00\" or 2h30m", s)
}

// period is when a notice holds, in words.
func period(n outside.Notice, zone *time.Location) string {
	const minute = "2006-01-02 15:04"
	if n.Ends == nil {
		return "from " + n.Starts.In(zone).Format(minute) + " until it is withdrawn"
	}
	return "from " + n.Starts.In(zone).Format(minute) + " until " + n.Ends.In(zone).Format(minute)
}

func serviceWithdrawCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "withdraw SERVICE",
		Short:   "Take back all notices about a service, also those to come",
		Example: "  ivr service withdraw balance",
		Args:    exactly("SERVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withServices(cmd.Context(), func(ctx context.Context, store *outside.Store, known services) error {
				n, err := store.Withdraw(ctx, args[0])
				if err != nil {
					return err
				}
				if n == 0 {
					if err := known.service(args[0]); err != nil {
						return err
					}
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: withdrawn notices: %d\n", known.full(args[0]), n)
				return nil
			})
		},
	}
}

// serviceState is a line of 'ivr service list'.
type serviceState struct {
	Service string           `json:"service"`
	Name    string           `json:"name,omitempty"`
	Closed  bool             `json:"closed"`
	Reason  string           `json:"reason,omitempty"`
	Author  string           `json:"author,omitempty"`
	At      *time.Time       `json:"at,omitempty"` // of the last change; nil for none
	Notices []outside.Notice `json:"notices,omitempty"`
}

func serviceListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the services, what is closed, and the notices",
		Example: "  ivr service list\n  ivr service list --json | jq '.[] | select(.closed)'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withServices(cmd.Context(), func(ctx context.Context, store *outside.Store, known services) error {
				list, err := known.states(ctx, store)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
				}
				zone, err := reportZone()
				if err != nil {
					return err
				}
				printServices(cmd.OutOrStdout(), list, zone)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

// states puts what ops have set beside all services of the live menus.
func (k services) states(ctx context.Context, store *outside.Store) ([]serviceState, error) {
	switches, err := store.Switches(ctx)
	if err != nil {
		return nil, err
	}
	notices, err := store.Notices(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]*serviceState{}
	at := func(service string) *serviceState {
		if all[service] == nil {
			all[service] = &serviceState{Service: service, Name: cmp.Or(k.names[service], "(not in the live menus)")}
		}
		return all[service]
	}
	for service := range k.names {
		at(service)
	}
	for _, s := range switches {
		if k.names[s.Service] == "" && !s.Closed {
			continue
		}
		line := at(s.Service)
		line.Closed, line.Reason, line.Author, line.At = s.Closed, s.Reason, s.Author, &s.At
	}
	for _, n := range notices {
		line := at(n.Service)
		line.Notices = append(line.Notices, n)
	}
	list := make([]serviceState, 0, len(all))
	for _, service := range slices.Sorted(maps.Keys(all)) {
		list = append(list, *all[service])
	}
	return list, nil
}

func printServices(out io.Writer, list []serviceState, zone *time.Location) {
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"service", "name", "callers", "reason", "notices", "by", "since"})
	for _, s := range list {
		state, since := "open", ""
		if s.Closed {
			state = paint(red, "closed")
		}
		if s.At != nil {
			since = clock(*s.At, zone)
		}
		notices := make([]string, len(s.Notices))
		for i, n := range s.Notices {
			notices[i] = n.Prompt + " " + period(n, zone)
		}
		t.AppendRow(table.Row{s.Service, s.Name, state, s.Reason, strings.Join(notices, "\n"), s.Author, since})
	}
	fmt.Fprintln(out, t.Render())
}

// withServices runs one command with the names that the live menus know.
func withServices(ctx context.Context, do func(context.Context, *outside.Store, services) error) error {
	return withDatabase(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		known, err := liveServices(ctx, pool)
		if err != nil {
			return err
		}
		return do(ctx, outside.NewStore(pool), known)
	})
}

// unknown says that a name is none, and which one is near.
func unknown(what, name string, names map[string]string, where string) error {
	hint := " (" + where + ")"
	if near := source.Nearest(name, maps.Keys(names)); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return usageError{fmt.Errorf("no %s %q in the live menus%s", what, name, hint)}
}
