package stack

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Var is one setting.
type Var struct{ Name, Value string }

// secrets are made anew for each run: none is worth stealing from a file.
type secrets struct {
	ariUser, ariPassword, dialtestToken, agentPassword string
}

func newSecrets() secrets {
	return secrets{ariUser: "hotline", ariPassword: random(16), dialtestToken: random(16), agentPassword: random(8)}
}

// random returns n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// environ are the settings of `ivr serve` and those of test callers: an address to call,
// the token that makes a call a test call, and the agent's password.
func environ(o Options, net ports, sec secrets, databaseURL string) ([]Var, error) {
	// The key under which callers' numbers are kept: with another one the old records could
	// no longer be told apart by caller.
	key, err := secretFile(filepath.Join(o.Run, "number.key"))
	if err != nil {
		return nil, err
	}
	return []Var{
		{"DATABASE_URL", databaseURL},
		{"HTTP_ADDR", net.http},
		{"ARI_URL", "http://" + net.ari + "/ari"},
		{"ARI_USER", sec.ariUser},
		{"ARI_PASSWORD", sec.ariPassword},
		{"ARI_APP", o.Apps[0]},
		{"MENUS", filepath.Join(o.Root, "menus")},
		{"PROMPTS", filepath.Join(o.Root, "prompts")},
		{"AUDIO", filepath.Join(o.Run, "prompts")},
		{"ARI_SOUNDS", sounds},
		{"SPOOL", filepath.Join(o.Run, "spool")},
		{"NUMBER_KEY_FILE", key},
		{"CDR_FILE", filepath.Join(o.Run, "asterisk", cdrFile)},
		{"REPORT_ZONE", "Asia/Shanghai"},
		{"DRAIN", "1s"}, // how long the server lets calls end: see serverGrace
		{"SIP_ADDR", net.sip},
		{"DIALTEST_TOKEN", sec.dialtestToken},
		{"AGENT_PASSWORD", sec.agentPassword},
	}, nil
}

// admin gives the server an admin API, and whoever reads the settings a token for it.
func (s *Stack) admin(o Options, addr string) error {
	folder := filepath.Join(o.Run, "admin")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := o.Admin(folder); err != nil {
		return fmt.Errorf("make a user of the admin API: %w", err)
	}
	s.env = append(s.env, []Var{
		{"ADMIN_ADDR", addr}, {"ADMIN_USERS_FILE", filepath.Join(folder, "users")}, {"ADMIN_TOKEN_FILE", filepath.Join(folder, "token")},
	}...)
	return nil
}

// secretFile makes a file with 64 random hexadecimal digits, once, and gives its path.
func secretFile(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintln(file, random(32))
	return path, errors.Join(err, file.Close())
}

// writeEnv writes the settings as shell exports, for `. .run/env`. It holds passwords, so
// only its owner can read it.
func writeEnv(path string, vars []Var) error {
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "export %s=%s\n", v.Name, quote(v.Value))
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// quote makes one word of a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
