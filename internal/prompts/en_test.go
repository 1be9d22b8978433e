package prompts

import (
	"testing"
	"testing/fstest"
)

func loadEnglish(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load(fstest.MapFS{"en.yaml": {Data: []byte("a: Hello.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEnglishReadings(t *testing.T) {
	c := loadEnglish(t)
	for _, r := range []struct {
		how  Reading
		n    int64
		want string
	}{
		{Number, 0, "zero"}, {Number, 2, "two"}, {Number, 10, "ten"}, {Number, 12, "twelve"}, {Number, 20, "twenty"}, {Number, 58, "fifty-eight"},
		{Number, 100, "one hundred"}, {Number, 105, "one hundred five"}, {Number, 115, "one hundred fifteen"}, {Number, 999, "nine hundred ninety-nine"},
		{Number, 1000, "one thousand"}, {Number, 10086, "ten thousand eighty-six"}, {Number, 100_005_000, "one hundred million five thousand"},
		{Number, 1_010_000_010, "one billion ten million ten"}, {Number, 1e12, "one trillion"}, {Number, -12, "minus twelve"},
		{Money, 0, "zero yuan"}, {Money, 5, "five fen"}, {Money, 50, "fifty fen"}, {Money, 200, "two yuan"}, {Money, 5850, "fifty-eight yuan and fifty fen"},
		{Money, 10003, "one hundred yuan and three fen"}, {Money, -1250, "minus twelve yuan and fifty fen"}, {Money, 1e14, "one trillion yuan"},
		{Digits, 0, "zero"}, {Digits, 10086, "one zero zero eight six"},
		{Digits, 9223372036854775807, "nine two two three three seven two zero three six eight five four seven seven five eight zero seven"},
		{Date, 20261001, "October first, twenty twenty-six"}, {Date, 20000229, "February twenty-ninth, two thousand"}, {Date, 20060530, "May thirtieth, two thousand six"},
		{Date, 19050831, "August thirty-first, nineteen oh five"}, {Date, 21000120, "January twentieth, twenty-one hundred"}, {Date, 99991231, "December thirty-first, ninety-nine ninety-nine"},
		{Time, 0, "midnight"}, {Time, 5, "twelve oh five a.m."}, {Time, 30, "twelve thirty a.m."}, {Time, 600, "six a.m."}, {Time, 1130, "eleven thirty a.m."},
		{Time, 1200, "noon"}, {Time, 1210, "twelve ten p.m."}, {Time, 1830, "six thirty p.m."}, {Time, 2359, "eleven fifty-nine p.m."},
		{Phone, 13800000001, "one three eight, zero zero zero zero, zero zero zero one"}, {Phone, 10086, "one zero zero eight six"},
		{Month, 202610, "October twenty twenty-six"}, {Month, 201001, "January twenty ten"},
	} {
		if got := c.Text("en", Ref{Read: r.how, N: r.n}); got != r.want {
			t.Errorf("%s(%d) is read %q, want %q", r.how, r.n, got, r.want)
		}
	}
}
