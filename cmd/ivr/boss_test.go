package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// sandboxDatabase makes a database of its own and points DATABASE_URL there.
func sandboxDatabase(t *testing.T) {
	t.Helper()
	base := os.Getenv("DATABASE_URL")
	if base == "" {
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatal("DATABASE_URL is not set, and this run must not skip")
		}
		t.Skip("needs Postgres: set DATABASE_URL, or run under 'ivr up --parts'")
	}
	ctx := t.Context()
	admin, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	name := "boss_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		t.Fatal(err)
	}
	_ = admin.Close(ctx)
	t.Cleanup(func() {
		ctx := context.Background() // that of the test has ended
		admin, err := pgx.Connect(ctx, base)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = admin.Close(ctx) }()
		if _, err := admin.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	own, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	own.Path = "/" + name
	t.Setenv("DATABASE_URL", own.String())
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
		{"subscriber 13800000003", "caller_id"},
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

func TestSandboxUsage(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	for _, args := range []string{
		"fault submit explode", "fault dance error", "fault submit", "fault submit delay",
		"fault submit error --times 0", "fault submit error --number abc",
		"subscriber", "subscriber abc", "faults", "nonsense",
	} {
		_, err := runCommand(t, append([]string{"sandbox"}, strings.Fields(args)...)...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("ivr sandbox %s: %v, want a mistake in usage", args, err)
		}
	}
}
