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
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/orders/bossd"
)

// The faults of a BOSS of its own are in its memory, so that these commands need no
// database: they talk to it over HTTP, as a test does.

// bossClient talks to a running `ivr boss` on behalf of a command.
type bossClient struct{ url, tokenFile string }

func (c *bossClient) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.url, "url", cmp.Or(os.Getenv("BOSS_URL"), "http://127.0.0.1:7000"),
		"where the BOSS answers (default $BOSS_URL)")
	cmd.Flags().StringVar(&c.tokenFile, "token-file", os.Getenv("BOSS_TOKEN_FILE"), "file with its bearer token (default $BOSS_TOKEN_FILE)")
}

// do sends a request, reads a 2xx reply into reply, and makes of anything else one error.
func (c *bossClient) do(ctx context.Context, method, path string, body, reply any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(reply); err != nil {
		return fmt.Errorf("what %s answers to %s is not the BOSS's: %w", c.url, path, err)
	}
	return nil
}

func (c *bossClient) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	token, err := readToken(c.tokenFile)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(c.url)
	if err != nil || base.Host == "" {
		return nil, usageError{errors.New("--url is no URL: want e.g. http://127.0.0.1:7000")}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, base.JoinPath(path).String(), bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no BOSS answers at %s (--url): %w; is 'ivr boss' running?", c.url, errors.Unwrap(err))
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	var says struct{ Reason string }
	if err := json.NewDecoder(resp.Body).Decode(&says); err != nil || says.Reason == "" {
		says.Reason = resp.Status
	}
	// What the server cannot understand was wrong on the command line.
	if resp.StatusCode == http.StatusBadRequest {
		return nil, usageError{errors.New(says.Reason)}
	}
	return nil, fmt.Errorf("the BOSS at %s refuses: %s", c.url, says.Reason)
}

func bossFaultCommand() *cobra.Command {
	var client bossClient
	var fault bossd.Fault
	var delay time.Duration
	cmd := &cobra.Command{
		Use:   "fault OPERATION MODE",
		Short: "Make the running BOSS do something wrong, until cleared or some times",
		Long: `Make the running BOSS do something wrong, until cleared or some times.

OPERATION: submit, lookup, query, verify, prices, or all.
MODE:
  delay     the request waits, then is carried out and answered; needs --delay
  drop      the connection is closed without an answer; nothing is done
  reset     it is carried out, then the connection is reset
  late      the connection is closed at once, it is carried out after --delay
  500       answered 500; nothing is done
  429       answered 429, try again later; nothing is done
  garbage   answered with what is no document; nothing is done
  repeat    carried out twice by the same key, and answered twice
  async     an order is accepted, and carried out after --delay`,
		Example: `  ivr boss fault submit reset --times 1
  ivr boss fault all 500 --every 5 --after       # carried out first
  ivr boss fault submit async --delay 3s         # until 'ivr boss clear'`,
		Args: exactly("OPERATION MODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			fault.Operation, fault.Mode, fault.DelayMS = bossd.Operation(args[0]), bossd.Mode(args[1]), delay.Milliseconds()
			if cmd.Flags().Changed("times") && fault.Times < 1 {
				return usageError{fmt.Errorf("--times is at least 1, not %d", fault.Times)}
			}
			if err := fault.Check(); err != nil {
				return usageError{err}
			}
			if err := client.do(cmd.Context(), http.MethodPost, "/faults", fault, &fault); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s\n", fault.Operation, fault.Mode, bossTimes(fault))
			return nil
		},
	}
	cmd.Flags().IntVar(&fault.Times, "times", 0, "how often (default: until cleared)")
	cmd.Flags().IntVar(&fault.Every, "every", 0, "only each so many-th request")
	cmd.Flags().BoolVar(&fault.After, "after", false, "drop, 500 and garbage: carry the request out first")
	cmd.Flags().DurationVar(&delay, "delay", 0, "how long the BOSS takes before, e.g. 3s")
	client.flags(cmd)
	return cmd
}

func bossTimes(f bossd.Fault) string {
	switch {
	case f.Times == 0:
		return "until cleared"
	case f.Spent():
		return "used up"
	}
	return fmt.Sprintf("%d more", f.Times-f.Met)
}

func bossFaultsCommand() *cobra.Command {
	var client bossClient
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "faults",
		Short:   "List what the running BOSS was told to do wrong",
		Example: "  ivr boss faults",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []bossd.Fault
			if err := client.do(cmd.Context(), http.MethodGet, "/faults", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printSubscribers(cmd.OutOrStdout(), all)
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "none: it does everything right")
				return nil
			}
			t := table.NewWriter()
			t.SetStyle(table.StyleLight)
			t.AppendHeader(table.Row{"operation", "mode", "delay", "every", "after", "times", "met"})
			for _, f := range all {
				t.AppendRow(table.Row{f.Operation, f.Mode, f.Wait(), max(f.Every, 1), f.After, bossTimes(f), f.Met})
			}
			fmt.Fprintln(cmd.OutOrStdout(), t.Render())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	client.flags(cmd)
	return cmd
}

func bossClearCommand() *cobra.Command {
	var client bossClient
	cmd := &cobra.Command{
		Use:     "clear",
		Short:   "Make the running BOSS do everything right again",
		Example: "  ivr boss clear",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var reply struct{ Cleared int }
			if err := client.do(cmd.Context(), http.MethodDelete, "/faults", nil, &reply); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "cleared %d\n", reply.Cleared)
			return nil
		},
	}
	client.flags(cmd)
	return cmd
}

// bossLedgerCommand hands the file on as it is: an auditor's tools read it, not people.
func bossLedgerCommand() *cobra.Command {
	var client bossClient
	cmd := &cobra.Command{
		Use:     "ledger",
		Short:   "Print the effects of the running BOSS, a line of JSON each",
		Example: "  ivr boss ledger | jq -r .key | sort | uniq -d",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			resp, err := client.send(cmd.Context(), http.MethodGet, "/ledger", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(cmd.OutOrStdout(), resp.Body)
			return err
		},
	}
	client.flags(cmd)
	return cmd
}
