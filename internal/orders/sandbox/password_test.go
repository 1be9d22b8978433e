package sandbox_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders"
	"hotline/internal/orders/entry"
	"hotline/internal/orders/sandbox"
)

const noPassword = "13800000006" // has an identity number on record

// typed makes what a caller typed from "id_card=44010319000101003X old_password=1".
func typed(text string) orders.With {
	with := orders.With{}
	for field := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(field, "=")
		kind := map[string]entry.Kind{
			"id_card": entry.IDCard, "amount": entry.Amount, "month": entry.Month, "phone": entry.Phone,
		}[name]
		if kind == "" {
			kind = entry.Password
		}
		with[name] = entry.New(kind, value)
	}
	return with
}

func verify(t *testing.T, b *sandbox.Boss, caller, digits string) string {
	t.Helper()
	a, err := b.Verify(t.Context(), orders.Verification{Caller: number(t, caller), Password: entry.New(entry.Password, digits)})
	if err != nil {
		t.Fatal(err)
	}
	return a.Result.String()
}

// The passwords and identity numbers that the help of "ivr sandbox" tells.
func TestDocumentedSecrets(t *testing.T) {
	b, _ := boss(t)
	for i, secret := range []struct{ password, id string }{
		{"135791", "110101190001010014"}, {"246802", "11010119000101009X"}, {"314159", "310101190001010011"},
		{"271828", "31010119000101002X"}, {"161803", "440103190001010013"}, {"", "44010319000101003X"},
	} {
		caller := fmt.Sprintf("1380000000%d", i+1)
		if _, fault := entry.IDCard.Parse(strings.ReplaceAll(secret.id, "X", "*"), 18, 18); fault != entry.NoFault {
			t.Errorf("%s is no identity number: %s", secret.id, fault)
		}
		action := "reset"
		if secret.password == "" {
			action = "apply"
		} else if got := verify(t, b, caller, secret.password); got != "success/confirmed" {
			t.Errorf("%s with its password: %s", caller, got)
		}
		o := order(t, caller, action+" service_password 0")
		o.With = typed("id_card=" + secret.id)
		if got := submit(t, b, o); got != "success/confirmed" {
			t.Errorf("%s with its identity number: %s", caller, got)
		}
		last := strings.ReplaceAll(secret.id[12:], "X", "0")
		if got := verify(t, b, caller, last); got != "success/confirmed" {
			t.Errorf("%s with the last six characters of its identity number: %s", caller, got)
		}
	}
}

// Each row is an order or "verify"; rows of a script follow each other.
func TestPasswords(t *testing.T) {
	for _, tt := range []struct{ name, caller, script string }{
		{"apply once", noPassword, `
			verify 010033                                                 auth_failed/wrong_password
			apply  id_card=44010319000101003X,new_password=909090         success/confirmed
			verify 909090                                                 success/confirmed
			apply  id_card=44010319000101003X                             rejected/already_open`},
		{"nothing on record", fresh, `
			apply  id_card=44010319000101003X                             rejected/ineligible
			reset  id_card=44010319000101003X                             rejected/not_open
			change old_password=111111,new_password=222222                rejected/not_open`},
		{"change", rich, `
			change old_password=135790,new_password=222222                auth_failed/wrong_password
			verify 135791                                                 success/confirmed
			change old_password=135791,new_password=222222                success/confirmed
			verify 135791                                                 auth_failed/wrong_password
			verify 222222                                                 success/confirmed`},
		{"something is missing", rich, `
			change old_password=135791                                    rejected/other
			change new_password=222222                                    rejected/other
			reset  amount=1.00                                            rejected/other
			verify 135791                                                 success/confirmed`},
		{"reset unlocks", rich, `
			verify 1                                                      auth_failed/wrong_password
			verify 2                                                      auth_failed/wrong_password
			verify 3                                                      auth_failed/wrong_password
			change old_password=4,new_password=222222                     auth_failed/wrong_password
			verify 5                                                      auth_failed/locked
			verify 135791                                                 auth_failed/locked
			change old_password=135791,new_password=222222                auth_failed/locked
			reset  id_card=110101190001010014                             success/confirmed
			verify 010014                                                 success/confirmed`},
		{"wrong identity numbers lock, too", rich, `
			reset  id_card=110101190001010022                             rejected/ineligible
			reset  id_card=110101190001010022                             rejected/ineligible
			reset  id_card=110101190001010022                             rejected/ineligible
			reset  id_card=110101190001010022                             rejected/ineligible
			reset  id_card=110101190001010022                             auth_failed/locked
			reset  id_card=110101190001010014                             auth_failed/locked
			verify 135791                                                 success/confirmed`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := boss(t)
			for line := range strings.Lines(strings.TrimSpace(tt.script)) {
				f := strings.Fields(line)
				got := ""
				if f[0] == "verify" {
					got = verify(t, b, tt.caller, f[1])
				} else {
					o := order(t, tt.caller, f[0]+" service_password 0")
					o.With = typed(strings.ReplaceAll(f[1], ",", " "))
					got = submit(t, b, o)
				}
				if got != f[2] {
					t.Errorf("%s: %s", strings.TrimSpace(line), got)
				}
			}
		})
	}
}

// The lock is in the database: another process has it, a new day has not.
func TestLockSurvivesAndEnds(t *testing.T) {
	b, pool := boss(t)
	for range 5 {
		verify(t, b, rich, "000000")
	}
	again := reopened(t, pool)
	if got := verify(t, again, rich, "135791"); got != "auth_failed/locked" || !show(t, again, rich).Locked {
		t.Errorf("after a restart: %s, shown as locked: %v", got, show(t, again, rich).Locked)
	}
	if got := verify(t, again, hasID, "314159"); got != "success/confirmed" {
		t.Errorf("another number: %s", got)
	}
	if _, err := pool.Exec(t.Context(), "update sandbox.wrong_proofs set day = day - 1"); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, again, rich, "000000"); got != "auth_failed/wrong_password" {
		t.Errorf("wrong on the next day: %s", got)
	}
	if got := verify(t, again, rich, "135791"); got != "success/confirmed" || show(t, again, rich).Locked {
		t.Errorf("right on the next day: %s", got)
	}
}

func reopened(t *testing.T, pool *pgxpool.Pool) *sandbox.Boss {
	t.Helper()
	b, err := sandbox.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	return b
}

// Guessing with many calls at once gives no more guesses.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	b, _ := boss(t)
	got := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			r := verify(t, b, rich, fmt.Sprintf("%06d", i))
			mu.Lock()
			defer mu.Unlock()
			got[r]++
		})
	}
	all.Wait()
	if got["auth_failed/wrong_password"] != 4 || got["auth_failed/locked"] != 36 {
		t.Errorf("%v, want 4 guesses before the one that locks", got)
	}
}

// What is kept of secrets tells nothing: not them, and not who has the same.
func TestSecretsAreKeptHashed(t *testing.T) {
	b, pool := boss(t)
	for _, caller := range []string{fresh, "13911113333"} {
		if err := b.SetPassword(t.Context(), number(t, caller), entry.New(entry.Password, "90807060504030")); err != nil {
			t.Fatal(err)
		}
		if err := b.SetIdentity(t.Context(), number(t, caller), entry.New(entry.IDCard, "44010319000101003X")); err != nil {
			t.Fatal(err)
		}
	}
	var different int
	var rows string
	err := pool.QueryRow(t.Context(), `
		select count(distinct password) + count(distinct identity), string_agg(s::text, ' ')
		from sandbox.subscribers s where msisdn like '1391111%'`).Scan(&different, &rows)
	if err != nil || different != 4 || strings.Contains(rows, "90807060504030") || strings.Contains(rows, "44010319000101003X") {
		t.Errorf("%d different hashes, want 4: %s, %v", different, rows, err)
	}
	if s := show(t, b, fresh); !s.Password || !s.Identity {
		t.Errorf("shown as %+v", s)
	}
}

func TestFaultsMeetVerifications(t *testing.T) {
	b, _ := boss(t)
	for _, tt := range []struct {
		mode sandbox.Mode
		want string
		left int // further wrong ones before the lock
	}{
		{sandbox.Fail, "system_failed/boss_error", 5},
		{sandbox.Unavailable, "", 5},
		{sandbox.LoseRequest, "", 5},
		{sandbox.LoseAnswer, "", 4}, // it was counted
	} {
		if err := b.Unlock(t.Context(), number(t, rich)); err != nil {
			t.Fatal(err)
		}
		if err := b.AddFault(t.Context(), sandbox.Fault{Operation: sandbox.OpVerify, Mode: tt.mode, Times: 1}); err != nil {
			t.Fatal(err)
		}
		a, err := b.Verify(t.Context(), orders.Verification{Caller: number(t, rich), Password: entry.New(entry.Password, "000000")})
		if got := a.Result.String(); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %s, %v", tt.mode, got, err)
		}
		left := 1
		for verify(t, b, rich, "000000") != "auth_failed/locked" {
			left++
		}
		if left != tt.left {
			t.Errorf("after %s %d wrong ones lock, want %d", tt.mode, left, tt.left)
		}
	}
}
