package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/admin/api"
	"hotline/internal/journal"
	"hotline/internal/orders"
	"hotline/internal/orders/desk"
	"hotline/internal/pgtest"
)

// command runs ivr with standard input, and gives what it prints and its error.
func command(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// unknownOrder is a database in which one order, of number, is unknown.
func unknownOrder(t *testing.T, sealer *journal.Sealer, number orders.MSISDN) (pool *pgxpool.Pool, id, call string) {
	t.Helper()
	url := pgtest.Database(t)
	if _, err := journal.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	sealed := sealer.Seal(number)
	id, call = uuid.NewString(), uuid.NewString()
	_, err = pool.Exec(t.Context(), `select ivr.commit_order($2::text || '.1', $2::uuid, now(), $1::uuid, $1::text, $3, $4, $5, 'caller_id', 'open', 600, false)`,
		id, call, sealed.Masked, sealed.Hash, sealed.Enc)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`update ivr.orders set state = 'sent' where order_id = $1::uuid`,
		`select ivr.resolve_order($1::uuid, 'unknown', '', '')`,
	} {
		if _, err := pool.Exec(t.Context(), sql, id); err != nil {
			t.Fatal(err)
		}
	}
	return pool, id, call
}

// TestOrdersOverTheAdminAPI: a user is added, finds an order by its number, has it looked up,
// and a reader is refused what an operator may.
func TestOrdersOverTheAdminAPI(t *testing.T) {
	sealer := journal.NewSealer([32]byte{7})
	number, err := orders.ParseMSISDN("13912345678")
	if err != nil {
		t.Fatal(err)
	}
	pool, id, call := unknownOrder(t, sealer, number)
	bookings, err := desk.New(pool, nil, desk.Options{Seal: sealer.Seal}) // it is asked for nothing that a BOSS does
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	users := filepath.Join(dir, "users")
	breaker := "closed"
	served := adminAPI(settings{adminUsers: users}, pool, sealer, bookings, slog.New(slog.DiscardHandler))
	served.State = func(context.Context) (any, error) {
		return desk.State{BOSS: orders.Capabilities{Idempotent: true}, Calls: desk.Gate{Breaker: breaker}, Reconciling: desk.Gate{Breaker: "closed"},
			Unresolved: map[string]int{"unknown": 1}, ForAPerson: 1}, nil
	}
	srv := httptest.NewServer(api.Handler(served))
	defer srv.Close()
	t.Setenv("ADMIN_USERS_FILE", users)
	t.Setenv("ADMIN_ADDR", strings.TrimPrefix(srv.URL, "http://"))
	as := func(role string) {
		token, err := command(t, "", "admin", "adduser", "the-"+role, "--role", role)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, role)
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("ADMIN_TOKEN_FILE", file)
	}
	as("reader")
	if out, err := command(t, "", "orders", "show", id); err != nil || !strings.Contains(out, "139****5678") || !strings.Contains(out, "unknown") || strings.Contains(out, number.Reveal()) {
		t.Errorf("%s%v", out, err)
	}
	if _, err := command(t, number.Reveal(), "orders", "list", "--number", "-"); err == nil || !strings.Contains(err.Error(), "Forbidden: this needs the role operator") {
		t.Errorf("a reader finds by number: %v", err)
	}
	as("operator")
	if out, err := command(t, number.Reveal()+"\n", "orders", "list", "--number", "-", "--json"); err != nil || !strings.Contains(out, id) {
		t.Errorf("%s%v", out, err)
	}
	if out, err := command(t, "", "orders", "reconcile", id); err != nil || !strings.Contains(out, "is looked up next") {
		t.Errorf("%s%v", out, err)
	}
	if out, err := command(t, number.Reveal(), "orders", "applications", "--number", "-"); err != nil || !strings.Contains(out, call+".1") || !strings.Contains(out, "caller_id") {
		t.Errorf("%s%v", out, err)
	}
	if out, err := command(t, "", "orders", "applications", call+".1"); err != nil || !strings.Contains(out, call+".1") {
		t.Errorf("%s%v", out, err)
	}
	if out, err := command(t, "", "orders", "number", id, "--why", "ticket 4711"); err != nil || out != number.Reveal()+"\n" {
		t.Errorf("%s%v", out, err)
	}
	if _, err := command(t, "", "orders", "number", id); err == nil || !strings.Contains(err.Error(), `say "why"`) {
		t.Errorf("a number without a reason: %v", err)
	}
	if out, err := command(t, "", "orders", "notifications", "--state", "given_up"); err != nil || strings.Contains(out, id) {
		t.Errorf("%s%v", out, err)
	}
	if out, err := command(t, "", "orders", "boss"); err != nil || !strings.Contains(out, "1 unknown; 1 of them for a person") || !strings.Contains(out, "once only: yes; can be asked for an order: no") {
		t.Errorf("%s%v", out, err)
	}
	breaker = "open"
	var exit exitError
	if out, err := command(t, "", "orders", "boss"); !errors.As(err, &exit) || exit != 1 || !strings.Contains(out, "open") {
		t.Errorf("%s%v", out, err)
	}
	if _, err := command(t, "", "orders", "audit"); err == nil || !strings.Contains(err.Error(), "role decider") {
		t.Errorf("an operator reads the audit log: %v", err)
	}
	as("decider")
	first, err := command(t, "", "orders", "audit", "--limit", "2")
	if err != nil || !strings.Contains(first, "readNumber") || !strings.Contains(first, "400") || strings.Contains(first, number.Reveal()) {
		t.Errorf("%s%v", first, err)
	}
	_, next, _ := strings.Cut(strings.TrimSpace(first), "--after ")
	if out, err := command(t, "", "orders", "audit", "--after", next); err != nil || !strings.Contains(out, "the-reader") || !strings.Contains(out, "403") {
		t.Errorf("%s%v", out, err)
	}
	for _, args := range [][]string{{"show", uuid.NewString()}, {"notify", uuid.NewString()}, {"show", "../orders"}} {
		if out, err := command(t, "", append([]string{"orders"}, args...)...); err == nil {
			t.Errorf("%q: %s", args, out)
		}
	}
	for _, args := range [][]string{{"orders", "list", "--number", number.Reveal()}, {"orders", "show"}, {"orders", "applications"},
		{"orders", "applications", "a", "b"}, {"orders", "applications", "--number", number.Reveal()}, {"orders", "audit", "x"}, {"keys", "retire", "old"}, {"admin", "adduser", "x", "--role", "king"}} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%q: exit %d", args, code)
		}
	}
}

// TestFirstUserIsKept: who runs `ivr up` again asks with the token that he has.
func TestFirstUserIsKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("half a li"), 0o600); err != nil { // killed before the token
		t.Fatal(err)
	}
	var tokens []string
	for range 2 {
		if err := firstUser(dir); err != nil {
			t.Fatal(err)
		}
		token, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, string(token))
	}
	if tokens[0] != tokens[1] || len(tokens[0]) < 32 || api.CheckUsers(filepath.Join(dir, "users")) != nil {
		t.Errorf("tokens %d and %d bytes long, alike: %v", len(tokens[0]), len(tokens[1]), tokens[0] == tokens[1])
	}
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("li everything secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := firstUser(dir); err == nil || !strings.Contains(err.Error(), "users:1") {
		t.Errorf("users that nobody can be let in by: %v", err)
	}
}
