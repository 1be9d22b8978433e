package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

func sandboxSubscribersCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "subscribers",
		Short:   "List the numbers that the BOSS knows",
		Example: "  ivr sandbox subscribers\n  ivr sandbox subscribers --json | jq '.[] | select(.locked)'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSandbox(cmd.Context(), func(b *sandbox.Boss) error {
				all, err := b.Subscribers(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printSubscribers(cmd.OutOrStdout(), all)
				}
				t := table.NewWriter()
				t.SetStyle(table.StyleLight)
				t.AppendHeader(table.Row{"number", "brand", "stars", "balance", "password", "open"})
				for _, s := range all {
					t.AppendRow(table.Row{s.Number, s.Brand, s.Star, s.Balance, passwordState(s), strings.Join(s.Open, ", ")})
				}
				t.SetColumnConfigs([]table.ColumnConfig{{Name: "stars", Align: text.AlignRight}, {Name: "balance", Align: text.AlignRight}})
				fmt.Fprintln(cmd.OutOrStdout(), t.Render())
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs; amounts are in fen")
	return cmd
}

func printSubscribers(w io.Writer, what any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(what)
}

// passwordState tells of the password what may be told.
func passwordState(s sandbox.Subscriber) string {
	switch {
	case s.Locked:
		return "locked today"
	case s.Password:
		return "set"
	}
	return "none"
}

func sandboxSubscriberCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "subscriber NUMBER",
		Short:   "Show what the BOSS knows of a number",
		Example: "  ivr sandbox subscriber 13800000001",
		Args:    exactly("NUMBER"),
		RunE: withNumber(func(cmd *cobra.Command, b *sandbox.Boss, number orders.MSISDN) error {
			s, err := b.Subscriber(cmd.Context(), number)
			if err != nil {
				return err
			}
			if asJSON {
				return printSubscribers(cmd.OutOrStdout(), s)
			}
			open, identity := "nothing", "none"
			if len(s.Open) > 0 {
				open = strings.Join(s.Open, ", ")
			}
			if s.Identity {
				identity = "on record"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "number     %s\nbrand      %s\nstars      %d\nbalance    %s yuan\nlast bill  %s yuan\n"+
				"password   %s\nidentity   %s\nopen       %s\n",
				s.Number, s.Brand, s.Star, s.Balance, s.LastBill, passwordState(s), identity, open)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs; amounts are in fen")
	return cmd
}

// withNumber runs a command on the subscriber that its argument names.
func withNumber(do func(*cobra.Command, *sandbox.Boss, orders.MSISDN) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		number, err := orders.ParseMSISDN(args[0])
		if err != nil {
			return usageError{err}
		}
		return withSandbox(cmd.Context(), func(b *sandbox.Boss) error { return do(cmd, b, number) })
	}
}

func sandboxPasswordCommand() *cobra.Command {
	return secretCommand("password", entry.Password, "6 digits", (*sandbox.Boss).SetPassword)
}

func sandboxIdentityCommand() *cobra.Command {
	return secretCommand("identity", entry.IDCard, "17 digits and a check character that is right", (*sandbox.Boss).SetIdentity)
}

// secretCommand sets a secret that it reads from standard input: a flag would show
// it to everybody who lists the processes, and leave it in the shell's history.
func secretCommand(name string, kind entry.Kind, form string,
	set func(*sandbox.Boss, context.Context, orders.MSISDN, entry.Entry) error) *cobra.Command {
	what := map[entry.Kind]string{entry.Password: "service password", entry.IDCard: "identity number"}[kind]
	example := map[entry.Kind]string{entry.Password: "135790", entry.IDCard: "11010119000101009X"}[kind]
	return &cobra.Command{
		Use:   name + " NUMBER",
		Short: "Set the " + what + " of a number, read from standard input",
		Long: fmt.Sprintf(`Set the %s of a number: %s, read from standard input.

It is stored hashed and shown nowhere; on a terminal it is not echoed. A number that
the BOSS has not seen becomes a subscriber.`, what, form),
		Example: fmt.Sprintf("  echo %s | ivr sandbox %s 13800000001\n  ivr sandbox %s 13800000001     # asks for it", example, name, name),
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := orders.ParseMSISDN(args[0])
			if err != nil {
				return usageError{err}
			}
			line, err := readSecret(cmd, what)
			if err != nil {
				return err
			}
			fewest, most := kind.Length()
			// Callers type the X of an identity number as *.
			secret, fault := kind.Parse(strings.ReplaceAll(strings.ToUpper(line), "X", "*"), fewest, most)
			if fault != entry.NoFault {
				return usageError{fmt.Errorf("what came from standard input is no %s (%s): %s", what, strings.ReplaceAll(string(fault), "_", " "), form)}
			}
			return withSandbox(cmd.Context(), func(b *sandbox.Boss) error {
				if err := set(b, cmd.Context(), number, secret); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "the %s of %s is set\n", what, number)
				return nil
			})
		},
	}
}

// readSecret reads one line, from a terminal without echo.
func readSecret(cmd *cobra.Command, what string) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", what)
		line, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return strings.TrimSpace(string(line)), err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	return strings.TrimSpace(line), nil
}

func sandboxUnlockCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unlock NUMBER",
		Short:   "Forgive a number the wrong passwords and identity numbers of today",
		Example: "  ivr sandbox unlock 13800000001",
		Args:    exactly("NUMBER"),
		RunE: withNumber(func(cmd *cobra.Command, b *sandbox.Boss, number orders.MSISDN) error {
			if err := b.Unlock(cmd.Context(), number); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s may try again\n", number)
			return nil
		}),
	}
}
