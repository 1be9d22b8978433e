package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"hotline/internal/journal"
)

const resealPortion = 500 // rows in one transaction

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Rotate the keys that callers' numbers are encrypted with",
		Long: `Rotate the keys that callers' numbers are encrypted with.

They are in NUMBER_KEY_FILE. The newest encrypts, all decrypt. Servers take a new key
within 15 seconds, without a restart; give the file to all of them. What numbers are found
by (the hash) has a key of its own, in the file's first line: that line stays for ever.`,
		Example: `  ivr keys rotate      # a new key; then give the file to the other servers
  ivr keys reseal      # what is stored, under the new key
  ivr keys status
  ivr keys retire 1    # the old one, once nothing is encrypted with it`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(keysRotateCommand(), keysResealCommand(), keysStatusCommand(), keysRetireCommand())
	return cmd
}

// keyFile is NUMBER_KEY_FILE.
func keyFile() (string, error) {
	file := os.Getenv("NUMBER_KEY_FILE")
	if file == "" {
		return "", usageError{errors.New("NUMBER_KEY_FILE is not set: the file with the keys of stored caller numbers")}
	}
	return file, nil
}

func keysRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Add a new key to NUMBER_KEY_FILE, which encrypts from now on",
		Long: `Add a new random key to NUMBER_KEY_FILE, which encrypts from now on. Make a copy of the
file first: without its keys no stored number can be read again.

Exit codes: 0 done, 1 the file cannot be read or written, 2 wrong usage.`,
		Example: `  ivr keys rotate`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := keyFile()
			if err != nil {
				return err
			}
			id, err := journal.AddKey(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: key %d encrypts from now on. Give the file to all servers, then run 'ivr keys reseal'.\n", file, id)
			return nil
		},
	}
}

func keysResealCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reseal",
		Short: "Encrypt the stored numbers with the newest key, while servers run",
		Long: `Encrypt the stored numbers with the newest key of NUMBER_KEY_FILE, 500 at a time, while
servers run. It may be stopped and begun again. Rows that are in use at that moment are
left: 'ivr keys status' tells of them, and the next run takes them.

Exit codes: 0 done, 1 some numbers cannot be opened, or Postgres failed, 2 wrong usage.`,
		Example: `  ivr keys reseal`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool, s *journal.Sealer) error {
				said := time.Now()
				total, err := journal.Reseal(ctx, pool, s, resealPortion, func(table string, t journal.Resealed) {
					if time.Since(said) > time.Second {
						said = time.Now()
						fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d numbers so far\n", table, t.Numbers)
					}
				})
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(total)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "%d numbers are under key %d now\n", total.Numbers, s.Newest())
				}
				if total.Failed > 0 {
					return fmt.Errorf("%d numbers cannot be opened with the keys of NUMBER_KEY_FILE and were left as they are: see 'ivr keys status'", total.Failed)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func keysStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell which keys the stored numbers are encrypted with",
		Long: `Tell which keys the stored numbers are encrypted with, by table. No key is printed.

Exit codes: 0 all are under the newest key, 1 some are not, or the key file is not that of
the database, 2 wrong usage.`,
		Example: `  ivr keys status`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool, s *journal.Sealer) error {
				uses, err := journal.KeyUses(ctx, pool, s)
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
						"newest": s.Newest(), "hash_key": s.Fingerprint(), "uses": append([]journal.KeyUse{}, uses...)})
				} else {
					printKeys(cmd.OutOrStdout(), s, uses)
				}
				for _, u := range uses {
					if !u.Newest {
						return errors.Join(err, exitError(1))
					}
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func keysRetireCommand() *cobra.Command {
	var spool string
	cmd := &cobra.Command{
		Use:   "retire KEY",
		Short: "Take an old key out of NUMBER_KEY_FILE, once nothing is encrypted with it",
		Long: `Take an old key out of NUMBER_KEY_FILE for good. It is refused while a number in Postgres, or a
step in the spool of this machine's server, is encrypted with it. Where servers have a spool
and a file each, retire the key on every one. Backups from before 'ivr keys reseal' need the
old file: keep a copy with them for as long as you keep them. Key 0 is made of the first
line, which stays: it cannot be retired.

Exit codes: 0 done, 1 the key is in use, or Postgres or the file failed, 2 wrong usage.`,
		Example: `  ivr keys rotate && ivr keys reseal && ivr keys status
  ivr keys retire 1`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil {
				return usageError{fmt.Errorf("%q is no key: give the number that 'ivr keys status' shows", args[0])}
			}
			spool = cmp.Or(spool, os.Getenv("SPOOL"))
			if spool == "" {
				return usageError{errors.New("where is the server's spool? Give --spool (or SPOOL): numbers in it may be encrypted with the key")}
			}
			return withKeys(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool, _ *journal.Sealer) error {
				file, err := keyFile()
				if err == nil {
					err = journal.RetireKey(ctx, pool, file, spool, id)
				}
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: key %d is gone. Servers forget it within 15 seconds.\n", file, id)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&spool, "spool", "", "the folder of the server's spool (SPOOL)")
	return cmd
}

func printKeys(out io.Writer, s *journal.Sealer, uses []journal.KeyUse) {
	paint := painter(out)
	fmt.Fprintf(out, "key %d encrypts; hash key %s\n", s.Newest(), s.Fingerprint())
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"table", "key", "numbers", ""})
	for _, u := range uses {
		note := ""
		switch {
		case !u.Known:
			note = paint(red, "the key is not in the file")
		case !u.Newest:
			note = paint(yellow, "to be encrypted anew: ivr keys reseal")
		}
		t.AppendRow(table.Row{u.Table, u.Key, u.Numbers, note})
	}
	fmt.Fprintln(out, t.Render())
}

// withKeys runs one command on the numbers of DATABASE_URL, with the keys that they belong to.
func withKeys(ctx context.Context, do func(context.Context, *pgxpool.Pool, *journal.Sealer) error) error {
	file, err := keyFile()
	if err != nil {
		return err
	}
	s, err := journal.ReadSealer(file)
	if err != nil {
		return err
	}
	return withDatabase(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := journal.CheckKey(ctx, pool, s); err != nil {
			return err
		}
		return do(ctx, pool, s)
	})
}
