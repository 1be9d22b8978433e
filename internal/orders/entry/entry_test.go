package entry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		keys  string
		text  string
		fault Fault
	}{
		{Amount, "6*50", "6.50", NoFault},
		{Amount, "6*5", "6.50", NoFault},
		{Amount, "6*", "6.00", NoFault},
		{Amount, "6", "6.00", NoFault},
		{Amount, "*05", "0.05", NoFault},
		{Amount, "0", "0.00", NoFault},
		{Amount, "007*1", "7.10", NoFault},
		{Amount, "999999*99", "999999.99", NoFault},
		{Amount, "*", "", Malformed},
		{Amount, "**", "", Malformed},
		{Amount, "6**5", "", Malformed},
		{Amount, "6*5*", "", Malformed},
		{Amount, "6*505", "", Malformed},
		{Amount, "1000000", "", Malformed},
		{Amount, "6#5", "", Malformed},
		{Amount, "", "", TooShort},
		{Amount, "1234567890", "", TooLong},

		{Month, "2601", "2601", NoFault},
		{Month, "2612", "2612", NoFault},
		{Month, "2600", "", Malformed},
		{Month, "2613", "", Malformed},
		{Month, "26*1", "", Malformed},
		{Month, "261", "", TooShort},
		{Month, "26011", "", TooLong},

		{Phone, "13800000001", "13800000001", NoFault},
		{Phone, "19912345678", "19912345678", NoFault},
		{Phone, "23800000001", "", Malformed},
		{Phone, "10086000000", "", Malformed},
		{Phone, "1380000000*", "", Malformed},
		{Phone, "1380000000", "", TooShort},
		{Phone, "138000000012", "", TooLong},

		{Password, "012345", "012345", NoFault},
		{Password, "01234*", "", Malformed},
		{Password, "01234", "", TooShort},
		{Password, "0123456", "", TooLong},

		{Digits, "0", "0", NoFault},
		{Digits, strings.Repeat("9", 32), strings.Repeat("9", 32), NoFault},
		{Digits, strings.Repeat("9", 33), "", TooLong},
		{Digits, "1*", "", Malformed},
		{"gibberish", "12", "12", NoFault}, // a kind that nobody made is read as digits, never as a panic
	} {
		fewest, most := tt.kind.Length()
		e, fault := tt.kind.Parse(tt.keys, fewest, most)
		if e.Reveal() != tt.text || fault != tt.fault || e.IsZero() != (fault != NoFault) {
			t.Errorf("%s %q: %q %q, want %q %q", tt.kind, tt.keys, e.Reveal(), fault, tt.text, tt.fault)
		}
		if fault == NoFault && e.Kind() != tt.kind {
			t.Errorf("%s %q became a %s", tt.kind, tt.keys, e.Kind())
		}
	}
}

// The example of GB 11643-1999 itself ends in X; every other last character of a
// right number is wrong, and so is every single digit mistaken on the way.
func TestIDCard(t *testing.T) {
	parse := func(keys string) (string, Fault) {
		e, fault := IDCard.Parse(keys, 18, 18)
		return e.Reveal(), fault
	}
	for keys, want := range map[string]string{
		"11010519491231002*": "11010519491231002X", // GB 11643-1999, 4.2.2
		"440524188001010014": "440524188001010014", // the standard's other example
	} {
		if got, fault := parse(keys); got != want || fault != NoFault {
			t.Errorf("%s: %q %q", keys, got, fault)
		}
		for i := range 17 {
			wrong := []byte(keys)
			wrong[i] = '0' + (wrong[i]-'0'+1)%10
			if _, fault := parse(string(wrong)); fault != Malformed {
				t.Errorf("%s with digit %d mistaken was accepted", keys, i+1)
			}
		}
		for _, last := range "0123456789*" {
			if _, fault := parse(keys[:17] + string(last)); (fault == NoFault) != (byte(last) == keys[17]) {
				t.Errorf("%s%c: %q", keys[:17], last, fault)
			}
		}
	}
	for _, keys := range []string{"11010519491231*02*", "11010519491231002#", "*1010519491231002*"} {
		if _, fault := parse(keys); fault != Malformed {
			t.Errorf("%s: %q", keys, fault)
		}
	}
	if _, fault := parse("11010519491231002"); fault != TooShort {
		t.Errorf("17 keys: %q", fault)
	}
}

// What is private shows in no text, whatever way it takes there.
func TestPrivateEntriesPrintMasked(t *testing.T) {
	for _, tt := range []struct{ entry, shown string }{
		{"password 098765", "•••"},
		{"id_card 44052418800101001X", "•••"},
		{"password 4711", "•••"},
		{"phone 13812345678", "138****5678"},
		{"phone 1381234", "****"},
	} {
		name, text, _ := strings.Cut(tt.entry, " ")
		kind := Kind(name)
		e := New(kind, text)
		if e.String() != tt.shown || e.Reveal() != text || !kind.Private() {
			t.Errorf("%s shows as %s, private: %v", name, e, kind.Private())
		}
		type inside struct {
			With map[string]Entry
			Kept Entry
			Far  *Entry
		}
		in := inside{map[string]Entry{"it": e}, e, &e}
		var ways []string
		for _, verb := range []string{"%v", "%s", "%q", "%x", "%X", "%+v", "%#v", "%d", "%T"} {
			ways = append(ways, fmt.Sprintf(verb, e), fmt.Sprintf(verb, &e), fmt.Sprintf(verb, in))
		}
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "entry", e, "in", in)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "entry", e, "in", in)
		ways = append(ways, string(data), log.String(), fmt.Errorf("in an error: %v, %w", e, errors.New("x")).Error())
		hidden := text
		if kind == Phone {
			hidden = text[3:7]
		}
		for _, way := range ways {
			if strings.Contains(way, hidden) || strings.Contains(strings.ToLower(way), fmt.Sprintf("%x", hidden)) {
				t.Errorf("shows the %s: %s", name, way)
			}
		}
	}
	for kind, text := range map[Kind]string{Amount: "6.50", Month: "2601", Digits: "42"} {
		if e := New(kind, text); kind.Private() || kind.Secret() || e.String() != text {
			t.Errorf("%s shows as %s", kind, e)
		}
	}
	if (Entry{}).String() != "" || !(Entry{}).IsZero() || New(Password, "").String() != "" {
		t.Error("nothing typed shows as something")
	}
	if Phone.Secret() {
		t.Error("a telephone number is said back to the caller: it is no secret")
	}
}

func TestKinds(t *testing.T) {
	for _, name := range Kinds() {
		k := Kind(name)
		fewest, most := k.Length()
		if fewest < 1 || most < fewest {
			t.Errorf("%s has %d to %d keys", k, fewest, most)
		}
		if k.Star() != (k == Amount || k == IDCard) {
			t.Errorf("%s and the key *", k)
		}
	}
	if len(Kinds()) != 6 {
		t.Errorf("menus can name %v", Kinds())
	}
}

// Parse is total: any keys under any limits are an entry or a fault, and what is
// parsed is parsed the same again.
func FuzzParse(f *testing.F) {
	for _, k := range Kinds() {
		f.Add(k, "6*50", 1, 9)
		f.Add(k, "", 0, 0)
		f.Add(k, "11010519491231002*", 0, 40)
	}
	f.Fuzz(func(t *testing.T, kind, keys string, fewest, most int) {
		k := Kind(kind)
		e, fault := k.Parse(keys, fewest, most)
		if fault != NoFault {
			if !e.IsZero() {
				t.Errorf("%s %q is %q and an entry", k, keys, fault)
			}
			return
		}
		if len(keys) < fewest || len(keys) > most {
			t.Errorf("%s %q is not of %d to %d keys", k, keys, fewest, most)
		}
		again := strings.NewReplacer(".", "*", "X", "*").Replace(e.Reveal())
		if f, m := k.Length(); len(again) >= f && len(again) <= m {
			if same, fault := k.Parse(again, f, m); fault != NoFault || same != e {
				t.Errorf("%s %q became %q, which becomes %q %q", k, keys, e.Reveal(), same.Reveal(), fault)
			}
		}
	})
}
