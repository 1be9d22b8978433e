package dialtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestRealFastEntries: what is typed as quickly as telephones can is told once a key, in
// order: no key of a password is doubled or lost. At this pace a switch that lengthens
// short keys doubles every other one. A key begins 80 ms after the end of the last; a
// machine so busy that it takes half of that away may try again.
func TestRealFastEntries(t *testing.T) {
	const entry = "1122334455667788990011"
	lists := map[string][]string{"": {"n.1"}}
	for _, key := range entry {
		lists[string(key)] = nil
	}
	p := startPBX(t, []*Clip{one}, lists)
	c := p.caller(false)
	for round := 1; ; round++ {
		wrong := p.typed(c, entry, 8)
		if len(wrong) == 0 {
			return
		}
		t.Logf("typed %s; told %q", entry, wrong)
		if round == 3 {
			t.Fatal("keys were doubled or lost")
		}
	}
}

// typed lets callers type an entry at the same time, each into a call in which nothing
// is said any more, and gives what was told otherwise.
func (p *pbx) typed(c *Caller, entry string, callers int) (wrong []string) {
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if err := p.typeInto(c, entry); err != nil {
				p.t.Error(err)
			}
		})
	}
	all.Wait()
	told := map[string]string{}
	for ended := 0; ended < callers; {
		select {
		case k := <-p.told:
			told[k[0]] += k[1]
			if k[1] == "" {
				ended++
			}
		case <-time.After(10 * time.Second):
			p.t.Fatalf("%d of %d calls have ended", ended, callers)
		}
	}
	for _, keys := range told {
		if keys != entry {
			wrong = append(wrong, keys)
		}
	}
	return wrong
}

// typeInto is one caller of typed: 40 ms a key, 60 ms between them.
func (p *pbx) typeInto(c *Caller, entry string) error {
	ctx := testContext(p.t)
	s, err := c.Dial(ctx, p.call())
	if err != nil {
		return err
	}
	err = s.AwaitQuiet(ctx, overAfter)
	for i := 0; i < len(entry) && err == nil; i++ {
		_, err = s.strike(ctx, entry[i], 40*time.Millisecond, 60*time.Millisecond)
	}
	if err != nil {
		err = fmt.Errorf("type %s: %w", entry, err)
	}
	// What is late is told late: the doubles of the last keys too.
	return errors.Join(err, s.pause(ctx, overAfter), s.Hangup(ctx))
}
