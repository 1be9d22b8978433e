package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// instance is the name under which this server keeps its calls in the journal: the
// application's, and a mark that stays in its spool. Two servers that share a database
// and were both left the usual application would each take the other's live calls for
// its own lost ones, and close their applications.
func instance(spool, app string) (string, error) {
	file := filepath.Join(spool, "instance")
	mark, err := os.ReadFile(file)
	if err == nil && len(strings.TrimSpace(string(mark))) > 0 {
		return app + "-" + strings.TrimSpace(string(mark)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the mark of this server's spool: %w", err)
	}
	fresh := strings.ToLower(rand.Text()[:8])
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return "", fmt.Errorf("make the spool: %w", err)
	}
	if err := os.WriteFile(file, []byte(fresh+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("mark this server's spool: %w", err)
	}
	return app + "-" + fresh, nil
}
