package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/orders/bossd"
	"hotline/internal/orders/sandbox"
)

// bossFlags are the settings of `ivr boss`.
type bossFlags struct {
	listen, database, ledger, tokenFile string
}

func bossCommand() *cobra.Command {
	var flags bossFlags
	cmd := &cobra.Command{
		Use:   "boss --listen ADDR --database URL --ledger FILE",
		Short: "Run the built-in BOSS as a server of its own, until SIGTERM or Ctrl-C",
		Long: `Run the built-in BOSS as a server of its own, until SIGTERM or Ctrl-C: TM Forum Open
APIs v4 under /tmf-api, an XML interface under /xml, a JSON interface under /json. What they
speak, and how it is made to go wrong, is in docs/boss-server.md.

It keeps its subscribers in the Postgres of --database, and every effect in the file
--ledger, which is on disk before the asker hears of it. It has to be on one that
outlives a power cut, and is one server's alone.
Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong settings.`,
		Example: `  ivr boss --listen 127.0.0.1:7000 --database postgres://boss:…@127.0.0.1/boss --ledger boss.ledger
  BOSS=http://127.0.0.1:7000/tmf-api ivr serve
  ivr boss fault submit reset --times 1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveBoss(cmd.Context(), flags, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
		},
	}
	cmd.Flags().StringVar(&flags.listen, "listen", "127.0.0.1:7000", "host:port to answer on")
	cmd.Flags().StringVar(&flags.database, "database", "", "its Postgres (default $BOSS_DATABASE_URL, which no process list shows)")
	cmd.Flags().StringVar(&flags.ledger, "ledger", "", "file of effects; made when missing")
	cmd.Flags().StringVar(&flags.tokenFile, "token-file", "", "file with the bearer token that every request needs (default: none is needed)")
	cmd.AddCommand(bossFaultCommand(), bossFaultsCommand(), bossClearCommand(), bossLedgerCommand(), bossCheckCommand())
	return cmd
}

// serveBoss is the whole of the server, in the order in which things come up; they go
// down in the opposite order when ctx ends.
func serveBoss(ctx context.Context, flags bossFlags, log *slog.Logger) (err error) {
	if flags.database == "" {
		flags.database = os.Getenv("BOSS_DATABASE_URL")
	}
	if flags.database == "" || flags.ledger == "" {
		return usageError{errors.New("ivr boss needs --database (or BOSS_DATABASE_URL) and --ledger (see 'ivr boss --help')")}
	}
	token, err := readToken(flags.tokenFile)
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(flags.database)
	if err != nil {
		return usageError{errors.New("--database is not of the form postgres://user:password@host:port/database")}
	}
	listener, err := net.Listen("tcp", flags.listen)
	if err != nil {
		return fmt.Errorf("--listen %s cannot be used: %w; choose another or stop what uses it", flags.listen, err)
	}
	defer listener.Close()
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return unreachable(flags.database, err)
	}
	defer pool.Close()
	boss, err := sandbox.Open(ctx, pool)
	if err != nil {
		return unreachable(flags.database, err)
	}
	defer func() { err = errors.Join(err, within(closeLimit, boss.Close)) }()
	srv, err := bossd.Open(ctx, bossd.Options{Boss: boss, Ledger: flags.ledger, Token: token, Log: log})
	if err != nil {
		return err
	}
	var serving, work sync.WaitGroup
	web := serveHTTP(&serving, listener, log, srv.Handler())
	defer func() {
		err = errors.Join(err, within(closeLimit, web.Shutdown))
		serving.Wait()
	}()
	work.Go(func() { srv.Run(ctx) })
	log.Info("the BOSS answers", "http", listener.Addr().String(), "ledger", flags.ledger)
	<-ctx.Done()
	work.Wait()
	// Before the HTTP server: only this ends the delays that its requests wait for.
	return within(closeLimit, srv.Close)
}

// readToken reads a bearer token from a file; "" for no file.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", usageError{fmt.Errorf("read the bearer token: %w", err)}
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", usageError{fmt.Errorf("%s is no bearer token: want one line without spaces", file)}
	}
	return token, nil
}
