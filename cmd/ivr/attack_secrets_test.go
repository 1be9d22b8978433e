package main

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"hotline/internal/orders/entry"
)

// TestPurse: secrets are what a menu takes, no two are the same, and each is found, also
// half typed or as bytes.
func TestPurse(t *testing.T) {
	p := newPurse(1)
	all := map[string]bool{}
	for range 500 {
		card, password := p.card(), p.password()
		all[card], all[password] = true, true
		if _, fault := entry.IDCard.Parse(card, 18, 18); fault != entry.NoFault {
			t.Fatalf("identity number %s is %s", card, fault)
		}
		if _, fault := entry.Password.Parse(password, 6, 32); fault != entry.NoFault || len(password) != 32 {
			t.Fatalf("password %s is %s", password, fault)
		}
		for _, text := range []string{card, password, card[:markLength], password[32-markLength:], hex.EncodeToString([]byte(password))} {
			if !p.in(`{"x":"` + text + `"}`) {
				t.Fatalf("%s is not found", text)
			}
		}
	}
	if len(all) != 1000 {
		t.Errorf("%d different secrets of 1000", len(all))
	}
	for _, text := range []string{"", "•••", p.head[:markLength-1], p.tail[1:], strings.Repeat("0123456789", 50)} {
		if p.in(text) {
			t.Errorf("%q has no secret in it", text)
		}
	}
}

// TestTalker: what is asked for is typed; some leave in the middle, some say nothing more.
func TestTalker(t *testing.T) {
	k := &talker{purse: newPurse(1), random: rand.New(rand.NewPCG(1, 1)), codes: []string{"2032"}, told: map[string]bool{}}
	if keys, _ := k.answer("main.welcome", "label.1"); keys != "#2032#" {
		t.Errorf("at the main menu: %q", keys)
	}
	if keys, over := k.answer("label.1"); keys != "" || !over {
		t.Errorf("with nothing more to do: %q, %v", keys, over)
	}
	for _, prompt := range []string{"ask.id_card", "ask.old_password", "ask.new_password", "ask.new_password_again", "auth.enter"} {
		keys, over := k.answer("err.no_entry", prompt)
		if over || !strings.HasSuffix(keys, "#") || !k.purse.in(keys) {
			t.Errorf("%s: %q, %v", prompt, keys, over)
		}
	}
	if keys, over := k.answer("wait.please"); keys != "" || over {
		t.Errorf("while he waits: %q, %v", keys, over)
	}
	k.leaves = 1
	if keys, over := k.answer("ask.id_card"); !over || len(keys) < markLength || len(keys) >= 18 {
		t.Errorf("who leaves in the middle types %q, %v", keys, over)
	}
	k.leaves, k.pause = 0, 1
	if keys, over := k.answer("ask.id_card"); over || len(keys) != 18 {
		t.Errorf("who does not end it types %q, %v", keys, over)
	}
}

// TestSecretsJudgeSeesAWeakAttack: one in which little was typed, or nothing was there to
// be searched, proves nothing.
func TestSecretsJudgeSeesAWeakAttack(t *testing.T) {
	f := secretsFlags{secrets: 100, calls: 10}
	strong := func() *secretsReport {
		return &secretsReport{Secrets: 100, Real: 10, Keys: 3000, Masked: 3000, Asked: 50, Places: []searched{{Place: "p", Texts: 1}}}
	}
	r := strong()
	if r.strength(f); len(r.Broken) > 0 {
		t.Errorf("an attack that is strong enough: told %q", r.Broken)
	}
	for name, weaken := range map[string]func(*secretsReport){
		"secrets": func(r *secretsReport) { r.Secrets = 99 }, "real": func(r *secretsReport) { r.Real = 8 },
		"masked": func(r *secretsReport) { r.Masked = 1000 }, "asked": func(r *secretsReport) { r.Asked = 5 },
		"places": func(r *secretsReport) { r.Places[0].Texts = 0 },
	} {
		r := strong()
		weaken(r)
		if r.strength(f); len(r.Broken["too weak"]) != 1 {
			t.Errorf("%s: told %q", name, r.Broken)
		}
	}
}

// TestKeysThatAreWrittenOneByOne are found in what Asterisk writes of them.
func TestKeysThatAreWrittenOneByOne(t *testing.T) {
	var keys string
	for _, m := range single.FindAllStringSubmatch("[x] DTMF[12]: channel.c: DTMF begin '4' received on PJSIP/a\nDTMF end '2', duration 70 ms\nGot digit \"7\"\nplain '9'\n", -1) {
		keys += m[1]
	}
	if keys != "427" {
		t.Errorf("keys %q", keys)
	}
}
