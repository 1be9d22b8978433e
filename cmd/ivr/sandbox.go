package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

func sandboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "The built-in BOSS: make it fail on purpose, see and change a subscriber",
		Long: `The built-in BOSS: make it fail on purpose, see and change a subscriber.

It is in the Postgres of DATABASE_URL, in the schema "sandbox", and is made there
when it is first used. A number that it has not seen becomes a subscriber with its
first call: 神州行, 3 stars, 50.00 yuan, no password, no identity number on record.
There from the beginning, with passwords and identity numbers that are made up:

  number       brand     stars  password  identity number
  13800000001  全球通        5  135791    110101190001010014  1,000,000.00 yuan
  13800000002  神州行        1  246802    11010119000101009X  0.50 yuan
  13800000003  全球通        4  314159    310101190001010011  has caller_id
  13800000004  动感地带      3  271828    31010119000101002X  has mobile_data_20
  13800000005  神州行        2  161803    440103190001010013  100.00 yuan
  13800000006  动感地带      3  none yet  44010319000101003X  100.00 yuan

A password that is applied for or reset is the last six characters of the identity
number, an X as 0. Five wrong passwords of one number lock it until the next day.`,
		Example: `  ivr sandbox fault submit lose_answer --times 1
  ivr sandbox subscriber 13800000001
  echo 135790 | ivr sandbox password 13800000001`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(sandboxFaultCommand(), sandboxFaultsCommand(), sandboxClearCommand())
	cmd.AddCommand(sandboxSubscribersCommand(), sandboxSubscriberCommand())
	cmd.AddCommand(sandboxPasswordCommand(), sandboxIdentityCommand(), sandboxUnlockCommand())
	return cmd
}

// withSandbox opens the BOSS for one command.
func withSandbox(ctx context.Context, do func(*sandbox.Boss) error) error {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return usageError{errors.New("DATABASE_URL is not set: where is the sandbox? E.g. postgres://ivr:…@127.0.0.1/hotline")}
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return usageError{fmt.Errorf("DATABASE_URL: %w", err)}
	}
	defer pool.Close()
	boss, err := sandbox.Open(ctx, pool)
	if err != nil {
		return unreachable(url, err)
	}
	return errors.Join(do(boss), boss.Close(ctx))
}

// exactly wants as many arguments as names has words, and names them if not.
func exactly(names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(strings.Fields(names)) {
			return usageError{fmt.Errorf("%s wants %s (see '%s --help')", cmd.CommandPath(), names, cmd.CommandPath())}
		}
		return nil
	}
}

func sandboxFaultCommand() *cobra.Command {
	var times int
	var delay time.Duration
	var number string
	cmd := &cobra.Command{
		Use:   "fault OPERATION MODE",
		Short: "Make the BOSS do something wrong, until cleared or some times",
		Long: `Make the BOSS do something wrong, until cleared or some times.

OPERATION: submit (an order), query, lookup (what came of an order), verify (a
service password).
MODE:
  delay          it answers late; needs --delay. It goes on when nobody waits any more
  error          it answers that it failed
  unavailable    it cannot be reached
  lose_answer    it does what it was asked, the answer is lost
  lose_request   the request is lost: to the asker just the same, but nothing was done`,
		Example: `  ivr sandbox fault submit lose_answer --times 1
  ivr sandbox fault query delay --delay 20s --number 13800000001
  ivr sandbox fault submit unavailable           # until 'ivr sandbox clear'`,
		Args: exactly("OPERATION MODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := sandbox.Fault{Operation: sandbox.Operation(args[0]), Mode: sandbox.Mode(args[1]), Delay: delay, Times: sandbox.Always}
			if cmd.Flags().Changed("times") {
				if times < 1 {
					return usageError{fmt.Errorf("--times is at least 1, not %d", times)}
				}
				f.Times = times
			}
			if number != "" {
				n, err := orders.ParseMSISDN(number)
				if err != nil {
					return usageError{fmt.Errorf("--number: %w", err)}
				}
				f.Caller = n
			}
			if err := f.Check(); err != nil {
				return usageError{err}
			}
			return withSandbox(cmd.Context(), func(b *sandbox.Boss) error {
				if err := b.AddFault(cmd.Context(), f); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, for %s\n", f.Operation, f.Mode, timesLeft(f.Times), faultCaller(f))
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&times, "times", 0, "how often (default: until cleared)")
	cmd.Flags().DurationVar(&delay, "delay", 0, "how long the BOSS takes before, e.g. 20s")
	cmd.Flags().StringVar(&number, "number", "", "only for this caller (default: everybody; a lookup has no caller)")
	return cmd
}

func timesLeft(n int) string {
	switch n {
	case sandbox.Always:
		return "until cleared"
	case 0:
		return "used up"
	}
	return strconv.Itoa(n) + " more"
}

func faultCaller(f sandbox.Fault) string {
	if f.Caller.IsZero() {
		return "everybody"
	}
	return f.Caller.String()
}

func sandboxFaultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "faults",
		Short:   "List what the BOSS was told to do wrong",
		Example: "  ivr sandbox faults",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSandbox(cmd.Context(), func(b *sandbox.Boss) error {
				faults, err := b.Faults(cmd.Context())
				if err != nil {
					return err
				}
				if len(faults) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "none: it does everything right")
					return nil
				}
				t := table.NewWriter()
				t.SetStyle(table.StyleLight)
				t.AppendHeader(table.Row{"operation", "mode", "delay", "times", "for"})
				for _, f := range faults {
					t.AppendRow(table.Row{f.Operation, f.Mode, f.Delay, timesLeft(f.Times), faultCaller(f)})
				}
				fmt.Fprintln(cmd.OutOrStdout(), t.Render())
				return nil
			})
		},
	}
}

func sandboxClearCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "clear",
		Short:   "Make the BOSS do everything right again",
		Example: "  ivr sandbox clear",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSandbox(cmd.Context(), func(b *sandbox.Boss) error {
				n, err := b.ClearFaults(cmd.Context())
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "cleared %d\n", n)
				}
				return err
			})
		},
	}
}
