package httpboss_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"hotline/internal/orders/httpboss"
)

// placed is how every problem of a description begins: file, line and column, in that order.
var placed = regexp.MustCompile(`^boss\.yaml:[1-9][0-9]*:[1-9][0-9]*: \S`)

// attack loads a description that may be anything: it is taken, or what is wrong is told at its
// place, soon.
func attack(t *testing.T, text string) {
	t.Helper()
	begin := time.Now()
	d, problems := httpboss.Load("boss.yaml", []byte(text))
	if took := time.Since(begin); took > 10*time.Second { // much for a machine that is busy, nothing for what grows without end
		t.Errorf("it took %v: %.300s", took, text)
	}
	if d == nil && problems.Err() == nil {
		t.Errorf("it is refused for no reason: %.300s", text)
	}
	for _, p := range problems {
		if !placed.MatchString(p.Error()) {
			t.Errorf("%q has no place, of\n%.300s", p.Error(), text)
		}
	}
}

// TestEveryLineMayGoWrong breaks the two shipped descriptions at each of their lines, in the ways in
// which hands do it.
func TestEveryLineMayGoWrong(t *testing.T) {
	t.Parallel()
	value := regexp.MustCompile(`: .+$`)
	for _, file := range []string{"xml.yaml", "json.yaml"} {
		text, err := os.ReadFile("../../../deploy/boss/" + file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		for i, line := range lines {
			if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
				continue
			}
			before, after := strings.Join(lines[:i], ""), strings.Join(lines[i+1:], "")
			for way, broken := range []string{
				"",          // forgotten
				line + line, // twice
				"  " + line, // indented
				"\t" + line,
				value.ReplaceAllString(strings.TrimRight(line, "\n"), ": [1, {a: b}]") + "\n",
				value.ReplaceAllString(strings.TrimRight(line, "\n"), ": 99999999999999999999") + "\n",
				value.ReplaceAllString(strings.TrimRight(line, "\n"), `: "{{ { {x} \u0000 //*["`) + "\n",
				value.ReplaceAllString(strings.TrimRight(line, "\n"), ": *nowhere") + "\n",
				value.ReplaceAllString(strings.TrimRight(line, "\n"), ": !!binary x") + "\n",
				strings.Replace(line, ":", "", 1),
				"...\n", // cut off
			} {
				if (i+way)%4 == 0 { // each way at every fourth line: the ways meet all kinds of lines all the same
					attack(t, before+broken+after)
				}
			}
		}
	}
}

// TestDescriptionsThatAreNone: bombs, endless nesting and other formats.
func TestDescriptionsThatAreNone(t *testing.T) {
	laughs := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "]\n"
	}
	for _, text := range []string{
		"", "\n", "---\n---\n", "null", "[]", "7", "url", "\xff\xfe", "\x00", "url: http://127.0.0.1:1\n---\nurl: x\n",
		laughs, "operations: " + laughs, "a: &a {b: *a}\n", "url: &a [*a]\n", "<<: {url: x}\n", "<<: &m {<<: *m}\n",
		strings.Repeat("[", 20_000), strings.Repeat("{a: ", 9_000), strings.Repeat("- ", 20_000),
		"? [a]\n: b\n", "{a: b}: c\n", "url: " + strings.Repeat("x", 1<<20), `{"url": "http://127.0.0.1:1"}`,
		"<boss><url>http://127.0.0.1:1</url></boss>", "url: http://user:secret@127.0.0.1:1\n",
	} {
		attack(t, text)
	}
	_, problems := httpboss.Load("boss.yaml", []byte("url: http://user:secret@127.0.0.1:1\n"))
	if strings.Contains(problems.Error(), "secret@") {
		t.Errorf("a secret is quoted: %v", problems)
	}
}
