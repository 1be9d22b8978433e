package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/admin"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Ask the running server what it serves, and whether all is well",
		Long: `Ask the server at HTTP_ADDR (default 127.0.0.1:8090) which menus are live, who made
them so and when, which were refused and why, and whether Asterisk and Postgres answer.

Exit codes: 0 all is well, 1 something is not, or the server does not answer, 2 wrong usage.`,
		Example: `  ivr status
  ivr status --json | jq -r .status.menus.live.release`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := askServer(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(state); err != nil {
					return err
				}
			} else if err := printStatus(cmd.OutOrStdout(), state); err != nil {
				return err
			}
			if !state.Ready || len(state.Status.Menus.Refused) > 0 {
				return exitError(1)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

// serverState is what a server answers to /status.
type serverState struct {
	admin.State
	Status serverStatus `json:"status"`
}

// serverAddr is where the server on this machine answers: what HTTP_ADDR listens on
// may be every address.
func serverAddr() string {
	addr := cmp.Or(os.Getenv("HTTP_ADDR"), defaultHTTPAddr)
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// errNoServer is that nobody answers at all.
var errNoServer = errors.New("no server answers")

func askServer(ctx context.Context) (serverState, error) {
	var state serverState
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	url := "http://" + serverAddr() + "/status"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return state, usageError{fmt.Errorf("HTTP_ADDR is not of the form host:port: %w", err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return state, fmt.Errorf("%w at %s (HTTP_ADDR); is 'ivr serve' running there?", errNoServer, serverAddr())
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return state, fmt.Errorf("%s answers %s: is that 'ivr serve' of this version?", url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return state, fmt.Errorf("read what %s answers: %w", url, err)
	}
	return state, nil
}

func printStatus(out io.Writer, state serverState) error {
	zone, err := reportZone()
	if err != nil {
		return err
	}
	paint := painter(out)
	s := state.Status
	line := func(what, format string, args ...any) {
		fmt.Fprintf(out, "%-11s %s\n", what, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+strings.Repeat(" ", 12)))
	}
	line("server", "%s at %s, since %s, %d calls under way", s.Server, serverAddr(), clock(s.Since, zone), s.Calls)
	live := s.Menus.Live
	line("menus", "%s by %s, %s%s", paint(bold, live.Release), live.Author, clock(live.At, zone), note(live.Note))
	switch {
	case live.Seq == 0:
		line("", "%s", paint(yellow, "not in Postgres yet: other servers do not have them"))
	case live.BackTo > 0:
		line("", "taken back to; the folder has %s", cmp.Or(s.Menus.Folder, "nothing that can be read"))
	}
	line("", "served here since %s", clock(s.Menus.Since, zone))
	if next := s.Menus.Next; next != "" {
		line("", "%s was published, and is being made ready here", next)
	}
	for _, r := range s.Menus.Refused {
		line("refused", "%s, %s:\n%s", r.What, clock(r.At, zone), paint(red, r.Why))
	}
	for _, name := range slices.Sorted(maps.Keys(state.Checks)) {
		c := green
		if state.Checks[name] != "ok" {
			c = red
		}
		line(name, "%s", paint(c, state.Checks[name]))
	}
	if len(s.Closed) > 0 {
		line("closed", "%s (see 'ivr service list')", paint(yellow, strings.Join(s.Closed, ", ")))
	}
	return nil
}

// clock writes a time as people of the hotline read it.
func clock(t time.Time, zone *time.Location) string { return t.In(zone).Format(time.DateTime) }

// note is what somebody has written to a publication, as the end of a line.
func note(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// reportZone is the hotline's time zone.
func reportZone() (*time.Location, error) {
	zone, err := time.LoadLocation(cmp.Or(os.Getenv("REPORT_ZONE"), defaultZone))
	if err != nil {
		return nil, usageError{fmt.Errorf("REPORT_ZONE: %w", err)}
	}
	return zone, nil
}
