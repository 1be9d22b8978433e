// Package migrations holds the SQL files that make the database's schema, in
// their order. Each runs once, in a transaction; internal/journal applies them.
//
// It refuses to take anything away: a migration only adds, because a server of
// the version before still runs while the new one starts. A file that has been
// released is never edited, the next one changes what it made.
package migrations

import "embed"

// Files are the migrations, NNN_name.sql, numbered from 001 without gaps.
//
//go:embed *.sql
var Files embed.FS
