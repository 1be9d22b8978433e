package stack

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// A Postgres of one's own is away between Stop and Start, and has then what it had.
func TestPostgresOfOnesOwn(t *testing.T) {
	needRoot(t)
	t.Parallel()
	p, err := NewPostgres(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	execute := func(sql string) error {
		conn, err := pgx.Connect(t.Context(), p.URL)
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), sql)
		_ = conn.Close(t.Context())
		return err
	}
	if err := execute("create table there (x int)"); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := execute("select from there"); err == nil {
		t.Error("it answers although it was stopped")
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := execute("select from there"); err != nil {
		t.Error(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
