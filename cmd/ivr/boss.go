package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders/desk"
	"hotline/internal/orders/httpboss"
	"hotline/internal/orders/sandbox"
	"hotline/internal/orders/tmf"
)

// builtIn is the setting BOSS of the sandbox in the hotline's own Postgres.
const builtIn = "sandbox"

// bossKind is what a setting BOSS leads to.
type bossKind int

const (
	bossUnknown bossKind = iota
	bossBuiltIn
	bossTMF       // TM Forum Open APIs below a URL
	bossDescribed // a file in YAML
)

func kindOfBoss(setting string) bossKind {
	switch {
	case setting == builtIn:
		return bossBuiltIn
	case strings.HasPrefix(setting, "http://"), strings.HasPrefix(setting, "https://"):
		return bossTMF
	case strings.HasSuffix(setting, ".yaml"), strings.HasSuffix(setting, ".yml"):
		return bossDescribed
	}
	return bossUnknown
}

// openBoss opens the BOSS of the settings, and gives what closes it within a ctx. One that
// is away is no error: a hotline starts without it.
func openBoss(ctx context.Context, set settings, pool *pgxpool.Pool, log *slog.Logger) (desk.Adapter, func(context.Context) error, error) {
	switch kindOfBoss(set.boss) {
	case bossBuiltIn:
		boss := sandbox.New(pool) // whose schema the database is prepared with
		return boss, boss.Close, nil
	case bossTMF:
		token, err := readToken(set.bossToken)
		if err != nil {
			return nil, nil, err
		}
		boss, err := tmf.Open(ctx, tmf.Options{Base: set.boss, Token: token, Log: log})
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("BOSS: %w", err)}
		}
		return boss, closing(boss.Close), nil
	case bossDescribed:
		text, err := os.ReadFile(set.boss)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("read the description of the BOSS (BOSS): %w", err)}
		}
		described, problems := httpboss.Load(set.boss, text)
		if err := problems.Err(); err != nil {
			return nil, nil, usageError{fmt.Errorf("the description of the BOSS (BOSS) cannot be used:\n%w", err)}
		}
		for _, p := range problems {
			log.Warn("the description of the BOSS has a problem", "problem", p.Error())
		}
		boss, err := described.Open(httpboss.Options{Log: log})
		if err != nil {
			return nil, nil, usageError{err}
		}
		return boss, closing(boss.Close), nil
	}
	return nil, nil, usageError{fmt.Errorf("BOSS=%s leads to no BOSS: %s", set.boss, wantBoss)}
}

// wantBoss is what the setting may be.
const wantBoss = "want sandbox, the http(s) URL of TM Forum's APIs, e.g. https://boss.example/tmf-api, or the path of a description in YAML"

// closing makes of a Close that waits for nobody one that has a deadline.
func closing(end func()) func(context.Context) error {
	return func(context.Context) error {
		end()
		return nil
	}
}
