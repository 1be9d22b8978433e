package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/admin/api"
	"hotline/internal/journal"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/notify"
)

func adminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "admin",
		Short:   "The users of the admin API",
		Example: `  ivr admin adduser li --role operator`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(adminAddUserCommand())
	return cmd
}

func adminAddUserCommand() *cobra.Command {
	var role string
	var password bool
	cmd := &cobra.Command{
		Use:   "adduser NAME",
		Short: "Add a user to ADMIN_USERS_FILE, and print a new token",
		Long: `Add a user to ADMIN_USERS_FILE, which is made where it is not there. The token is printed
once: the file holds its hash. With --password a password is read from the terminal, or
from standard input, instead. Take the line out of the file to lock the user out, at once.

Roles: reader (sees numbers masked), operator (also finds by number, reads numbers,
reconciles, notifies again), decider (also decides what came of an order).
Exit codes: 0 added, 1 the file cannot be written or has the name already, 2 wrong usage.`,
		Example: `  (umask 077; ivr admin adduser li --role operator > ~/.hotline-token)
  ivr admin adduser wang --role reader --password`,
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := os.Getenv("ADMIN_USERS_FILE")
			if file == "" {
				return usageError{errors.New("ADMIN_USERS_FILE is not set: the file with the users of the admin API")}
			}
			if !api.Role(role).Valid() {
				return usageError{fmt.Errorf("--role is reader, operator or decider, not %q", role)}
			}
			token, secret := api.NewToken()
			if password {
				given, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				if secret, err = api.HashPassword(given); err != nil {
					return err
				}
				token = ""
			}
			if err := api.AddUser(file, args[0], api.Role(role), secret); err != nil {
				return err
			}
			if token != "" {
				fmt.Fprintln(cmd.OutOrStdout(), token)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&role, "role", "reader", "reader, operator or decider")
	cmd.Flags().BoolVar(&password, "password", false, "with a password instead of a token")
	return cmd
}

// firstUser makes the files users and token in folder, with a user who may do everything:
// whoever can read the token runs this hotline.
func firstUser(folder string) error {
	users, file := filepath.Join(folder, "users"), filepath.Join(folder, "token")
	if _, err := os.Stat(file); err == nil {
		return api.CheckUsers(users)
	}
	if err := os.Remove(users); err != nil && !errors.Is(err, os.ErrNotExist) { // of a start that did not get to the token
		return err
	}
	token, secret := api.NewToken()
	if err := api.AddUser(users, "operator", api.Decider, secret); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(token+"\n"), 0o600)
}

// readPassword reads one line, unseen on a terminal.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(prompt, "password: ")
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(prompt)
		return string(text), err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// serveAdmin answers on ADMIN_ADDR, until stop; without that setting nobody does.
func serveAdmin(work *sync.WaitGroup, set settings, o api.Options) (stop func(context.Context) error, _ error) {
	if set.adminAddr == "" {
		return func(context.Context) error { return nil }, nil
	}
	listener, err := net.Listen("tcp", set.adminAddr)
	if err != nil {
		return nil, fmt.Errorf("ADMIN_ADDR %s cannot be used: %w; choose another or stop what uses it", set.adminAddr, err)
	}
	o.Log.Info("the admin API is served", "addr", listener.Addr().String())
	return serveHTTP(work, listener, o.Log, api.Handler(o)).Shutdown, nil
}

// adminAPI is what the admin API of a server works with.
func adminAPI(set settings, pool *pgxpool.Pool, sealer *journal.Sealer, bookings *desk.Desk, log *slog.Logger) api.Options {
	return api.Options{
		DB: pool, Users: set.adminUsers, Log: log, Hash: sealer.Hash, Open: sealer.Open,
		Decide: bookings.Decide, Hurry: bookings.Hurry,
		Again: func(ctx context.Context, id string) error { return notify.Again(ctx, pool, id) },
		State: func(ctx context.Context) (any, error) { return bookings.State(ctx) },
	}
}
