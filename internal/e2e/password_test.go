package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders/entry"
)

// TestServicePassword: who asks for a bill says the service password first. Whatever
// callers type, its digits are nowhere.
func TestServicePassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, test := range map[string]func(*testing.T, *hotline){
		"right": rightPassword, "wrong three times": wrongPassword, "locked": lockedPassword, "changed": changedPassword,
		"an identity number": identityNumber, "changed by a demo subscriber": demoSubscriber,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// owner makes a number a subscriber with a password.
func (h *hotline) owner(t *testing.T, number, password string) {
	t.Helper()
	h.exec(t, "insert into sandbox.subscribers (msisdn, balance_fen, last_bill_fen) values ($1, 5000, 8850)", number)
	fatal(t, h.boss.SetPassword(t.Context(), msisdn(t, number), entry.New(entry.Password, password)))
}

// types types a secret and what ends it, without waiting for anything.
func (k *talk) types(secret, end string) {
	k.t.Helper()
	k.h.secrets.Store(secret, true)
	k.dials(secret + end)
}

// dials presses keys one right after the other, as a mobile network sends them: 70 ms each.
func (k *talk) dials(keys string) {
	k.t.Helper()
	if _, err := k.Type(k.t.Context(), keys, 70*time.Millisecond); err != nil {
		k.t.Fatalf("%v; heard %s", err, k.line())
	}
}

// rightPassword: once a call is enough, and it may be typed into the question.
func rightPassword(t *testing.T, h *hotline) {
	const number = "13961000001"
	h.owner(t, number, "908172")
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("908172", "#")
	k.hear("wait.please", "wait.please", "bill.is")
	k.begins("label.101")
	k.keys("8")
	k.hear("wait.please", "payment.last")
	k.begins("payment.amount")
	k.begins("label.101")
	k.became("hung_up", "query query last_month_bill: success/confirmed", "query query payment_history: success/confirmed")
	h.masked(t, k, "12•••••••8")
}

func wrongPassword(t *testing.T, h *hotline) {
	const number = "13961000002"
	h.owner(t, number, "774411")
	k := h.dial(t, number)
	k.keys("12")
	for i, wrong := range []string{"505261", "505262", "505263"} {
		if i == 0 {
			k.begins("auth.enter")
		} else {
			k.hear("auth.wrong", "auth.again")
		}
		k.types(wrong, "#")
	}
	k.hear("wait.please", "auth.gave_up")
	k.begins("label.101")
	k.became("hung_up", "query query last_month_bill: auth_failed/wrong_password")
	if got := h.value(t, "select category || ' ' || node from ivr.applications where call_id = $1::uuid", k.CallID()); got != "operation 102" {
		t.Errorf("classified as %s", got)
	}
	h.masked(t, k, "12"+strings.Repeat("•", 21))
}

// lockedPassword: after five wrong ones in a day even the right one is of no use.
func lockedPassword(t *testing.T, h *hotline) {
	const number = "13961000003"
	h.owner(t, number, "660044")
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	for _, wrong := range []string{"616101", "616102"} {
		k.types(wrong, "#")
		k.hear("auth.wrong", "auth.again")
	}
	k.types("616103", "#")
	k.begins("auth.gave_up")
	k.hangup()
	k = h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("616104", "#")
	k.hear("auth.wrong", "auth.again")
	k.types("616105", "#")
	k.hear("auth.locked")
	k.became("hung_up", "query query last_month_bill: auth_failed/locked")
	k = h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("660044", "#")
	k.hear("wait.please", "auth.locked")
	k.became("hung_up", "query query last_month_bill: auth_failed/locked")
}

// TestLockSurvives: neither the tries of a call nor those of a day begin anew because the
// server dies, or is started again.
func TestLockSurvives(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.rough = true
	const number, password = "13961000007", "440066"
	h.owner(t, number, password)
	k := h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	for _, wrong := range []string{"717101", "717102"} {
		k.types(wrong, "#")
		k.hear("auth.wrong", "auth.again")
	}
	h.proc.kill()
	h.start(t)
	k.within(40*time.Second, "sys.resumed")
	k.begins("auth.enter")
	k.types("717103", "#") // the third of the call
	k.hear("auth.gave_up")
	k.became("hung_up", "query query last_month_bill: auth_failed/wrong_password")

	again := func() *talk {
		k := h.dial(t, number)
		k.keys("12")
		k.begins("auth.enter")
		return k
	}
	k = again()
	k.types("717104", "#")
	k.hear("auth.wrong", "auth.again")
	k.types("717105", "#") // the fifth of the day
	k.hear("auth.locked")
	k.became("hung_up", "query query last_month_bill: auth_failed/locked")
	h.stop(t)
	h.start(t)
	k = again()
	k.types(password, "#")
	k.hear("wait.please", "auth.locked")
	k.became("hung_up", "query query last_month_bill: auth_failed/locked")
}

// changedPassword: the new one holds at the next call, the old one does not.
func changedPassword(t *testing.T, h *hotline) {
	const number = "13961000004"
	h.owner(t, number, "321987")
	k := h.dial(t, number)
	k.keys("232")
	k.begins("ask.old_password")
	k.types("321987", "#")
	k.begins("ask.new_password")
	k.types("410825", "#")
	k.begins("ask.new_password_again")
	k.types("410826", "#")
	k.hear("err.mismatch", "ask.new_password_again")
	k.types("410825", "#")
	k.hear("wait.please", "order.changed")
	k.became("hung_up", "password change service_password: success/confirmed")
	h.masked(t, k, "232"+strings.Repeat("•", 28))
	k = h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types("321987", "#")
	k.hear("auth.wrong", "auth.again")
	k.types("410825", "#")
	k.hear("bill.is")
	k.became("hung_up", "query query last_month_bill: abandoned/during_prompt")
}

// demoSubscriber: a change with a wrong old password is none; one that the time ends is one.
func demoSubscriber(t *testing.T, h *hotline) {
	const number, old, next = "13800000004", "271828", "606162"
	change := func(old, end string) *talk {
		k := h.dial(t, number)
		k.keys("232")
		k.begins("ask.old_password")
		k.types(old, "#")
		k.begins("ask.new_password")
		k.types(next, "#")
		k.begins("ask.new_password_again")
		k.types(next, end)
		return k
	}
	k := change("929292", "#")
	k.hear("wait.please", "auth.wrong")
	k.became("hung_up", "password change service_password: auth_failed/wrong_password")
	k = change(old, "")
	k.hear("wait.please", "order.changed")
	k.became("hung_up", "password change service_password: success/confirmed")

	bill := h.subscriber(t, number).LastBill
	k = h.dial(t, number)
	k.keys("12")
	k.begins("auth.enter")
	k.types(next, "#")
	k.hear(append([]string{"bill.is"}, h.amount(t, bill)...)...)
	k.begins("label.101")
	k.became("hung_up", "query query last_month_bill: success/confirmed")
}

// identityNumber: whoever has forgotten the password proves himself by his card.
func identityNumber(t *testing.T, h *hotline) {
	const number, card = "13961000005", "11010519491231002"
	h.owner(t, number, "135246")
	fatal(t, h.boss.SetIdentity(t.Context(), msisdn(t, number), entry.New(entry.IDCard, card+"X")))
	h.secrets.Store(card, true)
	k := h.dial(t, number)
	k.keys("233")
	k.begins("ask.id_card")
	k.types(card, "*#")
	k.hear("wait.please", "order.reset")
	k.became("hung_up", "password reset service_password: success/confirmed")
	h.masked(t, k, "233"+strings.Repeat("•", 19))
}

// masked checks the keys of a call as they are recorded.
func (h *hotline) masked(t *testing.T, k *talk, want string) {
	t.Helper()
	if got := h.pressedKeys(t, k.CallID()); got != want {
		t.Errorf("keys are recorded as %s, want %s", got, want)
	}
}

// writings are all places where something is written down: our tables, the spool, the
// logs, the metrics, and what Asterisk writes.
func (h *hotline) writings(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for i, p := range h.procs {
		texts[fmt.Sprint("log ", i+1)] = p.log.String()
	}
	root := filepath.Dir(filepath.Dir(os.Getenv("CDR_FILE"))) // Asterisk's logs, the record among them
	console := filepath.Join(root, "../../log")               // what Asterisk and Postgres say before and beside their logs
	for _, dir := range []string{h.set["SPOOL"], root, console} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.Type().IsRegular() {
				return nil
			}
			data, readErr := os.ReadFile(path)
			if errors.Is(readErr, fs.ErrNotExist) { // the writer has just taken it away
				readErr = nil
			}
			texts[path] = string(data)
			return errors.Join(err, readErr)
		})
		if err != nil {
			t.Error(err)
		}
	}
	for _, rows := range h.strings(t, sqlRows) {
		texts[rows] = strings.Join(h.strings(t, rows), "\n")
	}
	return texts
}

// sqlRows gives, for each table, the query of its rows as texts. Bytes are shown as they are where
// they are characters; as hexadecimal digits they would hide a number. What prompts sound like is
// left out: it was there before anybody called, and is 20 MB of each database.
const sqlRows = `
	select format('select concat_ws('' '', %s) from ivr.%I', string_agg(
		case data_type when 'bytea' then format('encode(%I, ''escape'')', column_name) else quote_ident(column_name) end, ', '
		order by ordinal_position), table_name)
	from information_schema.columns join information_schema.tables using (table_schema, table_name)
	where table_schema = 'ivr' and table_type = 'BASE TABLE' and (table_name, column_name) <> ('sounds', 'content')
	group by table_name`

// tellsNoSecret looks for what callers have typed and nobody may know. Six digits are
// soon part of a time or a hash: only those that stand alone are meant.
func (h *hotline) tellsNoSecret(t *testing.T, texts map[string]string) {
	h.secrets.Range(func(secret, _ any) bool {
		alone := regexp.MustCompile(`(^|[^0-9a-fA-F.])` + secret.(string) + `([^0-9a-fA-F]|$)`)
		for where, text := range texts {
			if i := alone.FindStringIndex(text); i != nil {
				t.Errorf("%s, which a caller has typed, is in %s: …%q…", secret, where, text[max(0, i[0]-60):min(len(text), i[1]+60)])
			}
		}
		return true
	})
}
