package journal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/tern/v2/migrate"

	"hotline/migrations"
)

// Migrated says what Migrate did.
type Migrated struct {
	Applied []string // names of the files, in order; none where the schema was up to date
	Version int32    // of the schema now; higher than this program's where a newer one has been here
}

// Migrate brings the database at url to this program's schema. Several programs
// may do it at once: one waits for the other (an advisory lock of Postgres). A
// newer schema is left alone, as migrations only add.
func Migrate(ctx context.Context, url string) (m Migrated, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return m, fmt.Errorf("connect to migrate: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Two that start at once both find no schema; "if not exists" alone lets one of them fail.
	_, err = conn.Exec(ctx, `begin; select pg_advisory_xact_lock(hashtext('ivr.migrate')); create schema if not exists ivr; commit`)
	if err != nil {
		return m, fmt.Errorf("make schema ivr: %w", err)
	}
	tern, err := migrate.NewMigrator(ctx, conn, "ivr.schema_version")
	if err != nil {
		return m, fmt.Errorf("prepare to migrate: %w", err)
	}
	if err := tern.LoadMigrations(migrations.Files); err != nil {
		return m, fmt.Errorf("read the migrations: %w", err)
	}
	tern.OnStart = func(_ int32, name, _, _ string) { m.Applied = append(m.Applied, name) }
	if m.Version, err = tern.GetCurrentVersion(ctx); err != nil {
		return m, fmt.Errorf("read the schema's version: %w", err)
	}
	if int(m.Version) >= len(tern.Migrations) {
		return m, nil
	}
	if err := tern.Migrate(ctx); err != nil {
		return m, fmt.Errorf("migrate: %w", err)
	}
	m.Version, err = tern.GetCurrentVersion(ctx)
	return m, err
}
