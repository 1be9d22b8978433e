package main

import (
	"strings"
	"testing"
)

// TestUnreachablePostgresIsOneLine: each command that only needs Postgres says where it
// looked for it and what is wrong, without the password.
func TestUnreachablePostgresIsOneLine(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://ivr:sEcret@127.0.0.1:1/hotline") // nobody listens on port 1
	for _, args := range []string{"report", "migrate", "sandbox faults"} {
		root := rootCommand()
		root.SetArgs(strings.Fields(args))
		err := root.ExecuteContext(t.Context())
		want := "postgres at 127.0.0.1:1/hotline (DATABASE_URL): connection refused; is Postgres running there?"
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", args, err, want)
		}
	}
}
