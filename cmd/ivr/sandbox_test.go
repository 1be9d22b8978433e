package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// sandboxDatabase makes a database of its own and points DATABASE_URL there.
func sandboxDatabase(t *testing.T) {
	t.Helper()
	t.Setenv("DATABASE_URL", pgtest.Database(t))
}

func TestSandboxCommands(t *testing.T) {
	sandboxDatabase(t)
	for _, step := range []struct{ args, want string }{
		{"faults", "none"},
		{"fault submit lose_answer --times 1", "submit: lose_answer, 1 more, for everybody"},
		{"fault query delay --delay 20s --number 13800000001", "query: delay, until cleared, for 138****0001"},
		{"faults", "138****0001"},
		{"clear", "cleared 2"},
		{"faults", "none"},
		{"fault verify unavailable --times 2", "verify: unavailable, 2 more, for everybody"},
		{"subscriber 13800000003", "caller_id"},
		{"subscriber 13800000003 --json", `"brand": "全球通"`},
		{"subscribers", "│ 138****0005 │ 神州行   │     2 │"},
		{"subscribers --json", `"number": "138****0006"`},
	} {
		out, err := runCommand(t, append([]string{"sandbox"}, strings.Fields(step.args)...)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Errorf("ivr sandbox %s: %v\n%swant %q in it", step.args, err, out, step.want)
		}
	}
	if _, err := runCommand(t, "sandbox", "subscriber", "13899999999"); err == nil {
		t.Error("a number never seen was shown")
	}
}

// runWith runs a command with something on its standard input.
func runWith(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestSandboxSecrets(t *testing.T) {
	sandboxDatabase(t)
	const seen, unseen, secret, id = "13800000006", "13899999999", "975310", "11010119000101009x"
	for _, number := range []string{seen, unseen} {
		for input, command := range map[string]string{secret: "password", id: "identity"} {
			out, err := runWith(t, input+"\n", "sandbox", command, number)
			if err != nil || !strings.Contains(out, "is set") || strings.Contains(strings.ToLower(out), input) {
				t.Errorf("ivr sandbox %s %s: %v\n%s", command, number, err, out)
			}
		}
		out, err := runCommand(t, "sandbox", "subscriber", number)
		if err != nil || !strings.Contains(out, "password   set") || !strings.Contains(out, "identity   on record") {
			t.Errorf("%s: %v\n%s", number, err, out)
		}
	}
	pool, err := pgxpool.New(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	boss, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = boss.Close(context.Background()) }()
	number, err := orders.ParseMSISDN(seen)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(digits string) string {
		a, err := boss.Verify(t.Context(), orders.Verification{Caller: number, Password: entry.New(entry.Password, digits)})
		if err != nil {
			t.Fatal(err)
		}
		return a.Result.String()
	}
	for range 5 {
		verify("000000")
	}
	if out, err := runCommand(t, "sandbox", "subscriber", seen); err != nil || !strings.Contains(out, "locked today") || verify(secret) != "auth_failed/locked" {
		t.Errorf("after five wrong ones: %v\n%s", err, out)
	}
	if out, err := runCommand(t, "sandbox", "unlock", seen); err != nil || !strings.Contains(out, "may try again") || verify(secret) != "success/confirmed" {
		t.Errorf("unlocked: %v\n%s", err, out)
	}
	for _, wrong := range []string{"", "12345", "1234567", "12345a", "11010119000101008x"} {
		for _, command := range []string{"password", "identity"} {
			out, err := runWith(t, wrong, "sandbox", command, seen)
			var usage usageError
			if !errors.As(err, &usage) || wrong != "" && strings.Contains(out+err.Error(), wrong) {
				t.Errorf("%s %q: %v, want a mistake in usage that does not show it", command, wrong, err)
			}
		}
	}
}

func TestSandboxUsage(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	for _, args := range []string{
		"fault submit explode", "fault dance error", "fault submit", "fault submit delay",
		"fault submit error --times 0", "fault submit error --number abc",
		"subscriber", "subscriber abc", "faults", "nonsense",
		"password", "password abc", "identity", "unlock", "unlock abc", "subscribers 13800000001",
	} {
		_, err := runCommand(t, append([]string{"sandbox"}, strings.Fields(args)...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("ivr sandbox %s: %v, want a mistake in usage", args, err)
		}
	}
}
