package pgtest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"hotline/internal/pgtest"
)

// TestTemplate: copies begin with what the template was filled with, and are each their own; what
// cannot be filled is no template.
func TestTemplate(t *testing.T) {
	pgtest.Database(t) // skips where there is no Postgres
	filled := 0
	tpl, err := pgtest.NewTemplate(t.Context(), func(ctx context.Context, url string) error {
		filled++
		query(t, url, "create table words as select 'first' as word")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	one, other := tpl.Database(t), tpl.Database(t)
	query(t, one, "insert into words values ('second')")
	if got := query(t, one, "select string_agg(word, ' ' order by word) from words"); got != "first second" {
		t.Errorf("one has %q", got)
	}
	if got := query(t, other, "select string_agg(word, ' ' order by word) from words"); got != "first" {
		t.Errorf("the other has %q", got)
	}
	if filled != 1 {
		t.Errorf("filled %d times", filled)
	}
	for range 2 { // the second finds nothing to drop
		if err := tpl.Drop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	empty := errors.New("nothing to fill it with")
	if _, err := pgtest.NewTemplate(t.Context(), func(context.Context, string) error { return empty }); !errors.Is(err, empty) {
		t.Errorf("a template that cannot be filled: %v", err)
	}
}

// query runs one statement, and gives the first text of what comes of it.
func query(t *testing.T, url, sql string) (first string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, _ := conn.Query(t.Context(), sql) // its error comes with the rows
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(all) > 0 {
		first = all[0]
	}
	return first
}
