package api

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"
)

// Role says what a user may do. Each may do what the ones before it may.
type Role string

// The roles.
const (
	Reader   Role = "reader"   // looks; sees numbers masked only
	Operator Role = "operator" // finds by number, reads a number, reconciles, retries
	Decider  Role = "decider"  // decides what came of an order that nobody can be asked about
)

var ranks = map[Role]int{Reader: 1, Operator: 2, Decider: 3}

// Valid tells whether there is such a role.
func (r Role) Valid() bool { return ranks[r] > 0 }

func (r Role) includes(needed Role) bool { return ranks[r] >= ranks[needed] }

// user is one line of the users' file: "NAME ROLE SECRET". A secret is "sha256:…" of a bearer token,
// which is random and long enough for a fast hash, or "argon2id:salt:hash" of a password.
type user struct {
	name   string
	role   Role
	secret string
}

// argon2id as OWASP's password storage cheat sheet has it: 19 MiB, 2 passes.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLength = 32
)

// NewToken makes a bearer token and what the users' file holds of it.
func NewToken() (token, secret string) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	token = "hla_" + base64.RawURLEncoding.EncodeToString(random)
	return token, hashToken(token)
}

// HashPassword gives what the users' file holds of a password.
func HashPassword(password string) (string, error) {
	if len(password) < 12 {
		return "", errors.New("a password has at least 12 characters")
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails
	return "argon2id:" + hex.EncodeToString(salt) + ":" + hex.EncodeToString(stretch(password, salt)), nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func stretch(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, 1, argonLength)
}

// passes tells whether password is the one that secret was made of.
func passes(secret, password string) bool {
	parts := strings.Split(secret, ":")
	if len(parts) != 3 || parts[0] != "argon2id" {
		return false
	}
	salt, err := hex.DecodeString(parts[1])
	want, err2 := hex.DecodeString(parts[2])
	return err == nil && err2 == nil && subtle.ConstantTimeCompare(stretch(password, salt), want) == 1
}

// readUsers reads the users' file. It is read at each request: who is taken out of it is out
// at once, and a file that cannot be read lets nobody in.
func readUsers(file string) ([]user, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the users of the admin API: %w; 'ivr admin adduser' makes it", err)
	}
	var all []user
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 3 || !Role(words[1]).Valid() || !strings.Contains(words[2], ":") {
			return nil, fmt.Errorf("read the users of the admin API: %s:%d is not of the form NAME ROLE SECRET with the role reader, operator or decider; see 'ivr admin adduser'", file, n)
		}
		all = append(all, user{words[0], Role(words[1]), words[2]})
	}
	return all, lines.Err()
}

// CheckUsers tells what is wrong with a users' file, before anybody stands before a closed door.
func CheckUsers(file string) error {
	_, err := readUsers(file)
	return err
}

// AddUser adds a user to the file, which is made where it is not there, readable for its owner alone.
func AddUser(file, name string, role Role, secret string) error {
	unfit := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == ':' || r == '#' }
	if name == "" || strings.ContainsFunc(name, unfit) || !role.Valid() {
		return fmt.Errorf("add user %q as %q: a name has no spaces, colons or #, a role is reader, operator or decider", name, role)
	}
	if users, err := readUsers(file); err == nil {
		for _, u := range users {
			if u.name == name {
				return fmt.Errorf("add user %s: %s has one of that name; take out its line first", name, file)
			}
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("add user %s: %w", name, err)
	}
	begin := ""
	if whole, err := os.ReadFile(file); err == nil && len(whole) > 0 && whole[len(whole)-1] != '\n' {
		begin = "\n" // an editor has left the last line without its end
	}
	_, err = fmt.Fprintf(f, "%s%s %s %s\n", begin, name, role, secret)
	return errors.Join(err, f.Sync(), f.Close())
}
