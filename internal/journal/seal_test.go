package journal

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
)

// firstKey is a key file as it has always been.
const firstKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

// pinnedHash is what that key makes of 13800000007.
const pinnedHash = "4bcdee5ce425a1ea4f2015ed297e66112bc26471c9695fa43dffd660373c27eb"

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "number.key")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func readSealer(t *testing.T, file string) *Sealer {
	t.Helper()
	s, err := ReadSealer(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sealedBefore is what programs stored before keys had ids: nonce, ciphertext, tag.
func sealedBefore(s *Sealer, m orders.MSISDN) []byte {
	nonce := []byte("0123456789ab")
	return s.ring.Load().keys[0].Seal(nonce, nonce, []byte(m.Reveal()), nil)
}

// TestRotationKeepsWhatIsStored: after each rotation every number is found and opened as before,
// and a server that runs takes the new key without a restart.
func TestRotationKeepsWhatIsStored(t *testing.T) {
	file, number := keyFile(t, firstKey), number13800(7)
	running := readSealer(t, file)
	hash, stored := running.Hash(number), [][]byte{sealedBefore(running, number)}
	for id := range 3 {
		sealed := running.Seal(number)
		if got := int(sealed.Enc[1]); got != id || len(sealed.Enc) != sealedLen || !bytes.Equal(sealed.Hash, hash) {
			t.Errorf("rotation %d: key %d, %d bytes, hash %x for %x", id, got, len(sealed.Enc), sealed.Hash, hash)
		}
		stored = append(stored, sealed.Enc)
		for i, enc := range stored {
			for _, s := range []*Sealer{running, readSealer(t, file)} {
				if m, err := s.Open(enc); err != nil || m.Reveal() != number.Reveal() {
					t.Errorf("rotation %d, ciphertext %d: %v, %v", id, i, m, err)
				}
			}
		}
		if added, err := AddKey(file); err != nil || added != id+1 {
			t.Fatalf("key %d, %v", added, err)
		}
		if changed, err := running.Reload(); !changed || err != nil {
			t.Errorf("reload: %v, %v", changed, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if changed, err := running.Reload(); changed || err != nil {
		t.Errorf("reload of the same: %v, %v", changed, err)
	}
}

// TestTodaysHashStays pins the hash of numbers: a program that hashed them otherwise would
// find nobody again. The figure is HMAC-SHA-256, computed with openssl.
func TestTodaysHashStays(t *testing.T) {
	s := readSealer(t, keyFile(t, firstKey))
	number, err := orders.ParseMSISDN("13800000007")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(s.Hash(number)); got != pinnedHash {
		t.Errorf("%s, not %s", got, pinnedHash)
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	s := readSealer(t, keyFile(t, firstKey))
	other := readSealer(t, keyFile(t, firstKey+"1 "+strings.Repeat("ab", 32)+"\n"))
	enc := other.Seal(number13800(7)).Enc
	if _, err := s.Open(enc); err == nil || !strings.Contains(err.Error(), "key 1") {
		t.Errorf("a key that is not there: %v", err)
	}
	for what, change := range map[string]func([]byte){
		"another id": func(b []byte) { b[1] = 0 }, "another version": func(b []byte) { b[0] = 2 },
		"a bit": func(b []byte) { b[20] ^= 1 },
	} {
		changed := bytes.Clone(enc)
		change(changed)
		if m, err := other.Open(changed); err == nil {
			t.Errorf("%s changed: %v", what, m)
		}
	}
	if _, err := s.Open([]byte("short")); err == nil {
		t.Error("too short")
	}
}

func TestKeyFilesThatAreWrong(t *testing.T) {
	secret := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		"":                         "does not hold 32 bytes",
		"# none\n":                 "does not hold 32 bytes",
		"1 " + secret:              "line 1: the first key stands without an id",
		firstKey + secret:          "line 2 is not of the form ID DIGITS with an id from 1",
		firstKey + "0 " + secret:   "line 2 is not",
		firstKey + "256 " + secret: "line 2 is not",
		firstKey + "2 " + secret + "\n2 " + secret: "line 3 is not of the form ID DIGITS with an id from 3",
		firstKey + "1 abcdef":                      "line 2 does not hold 32 bytes",
	} {
		_, err := ReadSealer(keyFile(t, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadSealer(keyFile(t, "# made in May\n\n"+firstKey)); err != nil {
		t.Errorf("comments: %v", err)
	}
}

// TestReloadRefusesAnotherHashKey: what was there goes on.
func TestReloadRefusesAnotherHashKey(t *testing.T) {
	file := keyFile(t, firstKey)
	s := readSealer(t, file)
	hash := s.Hash(number13800(1))
	for _, text := range []string{strings.Repeat("cd", 32), "rubbish"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := s.Reload(); changed || err == nil {
			t.Errorf("%v, %v", changed, err)
		}
		if !bytes.Equal(s.Hash(number13800(1)), hash) {
			t.Error("hashes have changed")
		}
	}
}

func TestServersWithAnotherKeyAreRefused(t *testing.T) {
	pool := newPool(t)
	ours, theirs := readSealer(t, keyFile(t, firstKey)), readSealer(t, keyFile(t, strings.Repeat("cd", 32)))
	storeNumbers(t, pool, ours, 1) // of the time before fingerprints
	if err := CheckKey(t.Context(), pool, theirs); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with numbers and no fingerprint: %v", err)
	}
	var wait sync.WaitGroup
	for range 4 { // servers that start at once
		wait.Go(func() {
			if err := CheckKey(t.Context(), pool, ours); err != nil {
				t.Errorf("the right one: %v", err)
			}
		})
	}
	wait.Wait()
	err := CheckKey(t.Context(), pool, theirs)
	if !errors.Is(err, ErrOtherKey) || !strings.Contains(err.Error(), theirs.file) || !strings.Contains(err.Error(), ours.Fingerprint()) {
		t.Errorf("with a fingerprint: %v", err)
	}
	if _, err := AddKey(ours.file); err != nil {
		t.Fatal(err)
	}
	if err := CheckKey(t.Context(), pool, readSealer(t, ours.file)); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

// storeNumbers puts n numbers into each table, as programs before key ids did.
func storeNumbers(t *testing.T, pool *pgxpool.Pool, s *Sealer, n int) {
	t.Helper()
	for i := range n {
		m := number13800(i)
		hash, enc, id := s.Hash(m), sealedBefore(s, m), uuid.NewString()
		for _, sql := range []string{
			`insert into ivr.calls (call_id, started_at, server, caller_masked, caller_hash, caller_enc) values ($1::uuid, now(), 'a', $2, $3, $4)`,
			`insert into ivr.orders (order_id, idempotency_key, call_id, msisdn_masked, msisdn_hash, msisdn_enc, service, action, price)
			 values ($1::uuid, $1::text, $1::uuid, $2, $3, $4, 'caller_id', 'open', 600)`,
			`insert into ivr.callbacks (id, call_id, at, queue, service, caller_masked, caller_hash, caller_enc)
			 values ($1::text, $1::uuid, now(), 'q', '', $2, $3, $4)`,
		} {
			if _, err := pool.Exec(t.Context(), sql, id, m.String(), hash, enc); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReseal: every number of every table is under the newest key afterwards and is
// the same number; one that cannot be opened is left and told of; while it goes on, new ones come.
func TestReseal(t *testing.T) {
	pool, file := newPool(t), keyFile(t, firstKey)
	old := readSealer(t, file)
	storeNumbers(t, pool, old, 25)
	if _, err := pool.Exec(t.Context(), `insert into ivr.calls (call_id, started_at, server, caller_masked, caller_hash, caller_enc)
		values (gen_random_uuid(), now(), 'a', '', '\x00', '\x001122'), (gen_random_uuid(), now(), 'a', '', null, null)`); err != nil {
		t.Fatal(err)
	}
	if _, err := AddKey(file); err != nil {
		t.Fatal(err)
	}
	s, portions := readSealer(t, file), 0
	total, err := Reseal(t.Context(), pool, s, 10, func(string, Resealed) { portions++ })
	if want := (Resealed{Numbers: 75, Failed: 1}); err != nil || total != want || portions < 9 {
		t.Errorf("%+v in %d portions, %v", total, portions, err)
	}
	uses, err := KeyUses(t.Context(), pool, s)
	want := "[{ivr.calls 0 1 true false} {ivr.calls 1 25 true true} {ivr.orders 1 25 true true} {ivr.callbacks 1 25 true true}]"
	if got := fmt.Sprint(uses); err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	for _, c := range sealedColumns {
		opened(t, pool, s, c)
	}
	if again, err := Reseal(t.Context(), pool, s, 10, nil); err != nil || again != (Resealed{Failed: 1}) {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// opened checks each row under the newest key.
func opened(t *testing.T, pool *pgxpool.Pool, s *Sealer, c sealedColumn) {
	t.Helper()
	rows, err := pool.Query(t.Context(), fmt.Sprintf("select %s, %s from %s where ivr.key_of(%[2]s) = %[4]d", c.hash, c.enc, c.table, s.Newest()))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash, enc []byte
		if err := rows.Scan(&hash, &enc); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Open(enc); err != nil || !bytes.Equal(s.Hash(m), hash) {
			t.Errorf("%s: %v, %v", c.table, m, err)
		}
	}
	if rows.Err() != nil {
		t.Error(rows.Err())
	}
}

// TestAllSealedColumnsAreKnown: a new table with encrypted numbers must be added to what is rotated.
func TestAllSealedColumnsAreKnown(t *testing.T) {
	pool := newPool(t)
	var columns []string
	err := pool.QueryRow(context.Background(), `
		select array_agg('ivr.' || table_name || '.' || column_name) from information_schema.columns
		where table_schema = 'ivr' and column_name like '%\_enc'`).Scan(&columns)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range sealedColumns {
		known[c.table+"."+c.enc] = true
	}
	for _, c := range columns {
		if !known[c] {
			t.Errorf("%s is not rotated", c)
		}
		delete(known, c)
	}
	if len(known) > 0 {
		t.Errorf("not there: %v", known)
	}
}
