package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"hotline/internal/journal"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this program's schema",
		Long: `Bring the database to this program's schema, and say what was done.

'ivr serve' does the same when it starts. Migrations only add, so the version
before this one goes on working with the new schema. Several may migrate at once.`,
		Example: "  DATABASE_URL=postgres://ivr@127.0.0.1/hotline ivr migrate",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			done, err := journal.Migrate(cmd.Context(), url)
			if err != nil {
				return unreachable(url, err)
			}
			out := cmd.OutOrStdout()
			for _, name := range done.Applied {
				fmt.Fprintln(out, "applied", name)
			}
			if len(done.Applied) == 0 {
				fmt.Fprintf(out, "nothing to do: the schema is at version %d\n", done.Version)
				return nil
			}
			fmt.Fprintf(out, "the schema is at version %d\n", done.Version)
			return nil
		},
	}
}

// unreachable says in one line, and without the password, that no connection could be
// made; other errors stay as they are.
func unreachable(url string, err error) error {
	if connect := (*pgconn.ConnectError)(nil); !errors.As(err, &connect) {
		return err
	}
	where := "postgres"
	if c, err := pgx.ParseConfig(url); err == nil {
		where = fmt.Sprintf("postgres at %s:%d/%s", c.Host, c.Port, c.Database)
	}
	return fmt.Errorf("%s (DATABASE_URL): %w", where, inOneLine(err))
}

// databaseURL is the one setting of the commands that only need Postgres.
func databaseURL() (string, error) {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return "", usageError{errors.New("DATABASE_URL is not set: Postgres, e.g. postgres://ivr@127.0.0.1/hotline")}
	}
	return url, nil
}
