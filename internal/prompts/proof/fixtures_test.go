package proof

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hotline/internal/prompts"
	"hotline/internal/prompts/recorded"
	"hotline/internal/source"
)

var update = flag.Bool("update", false, "write what is found now into testdata and docs; read the diff")

// folder reads files into memory, the shipped style beneath them.
func folder(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for at, dir := range map[string]string{"style": "../../../prompts/style", ".": dir} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if to := path.Join(at, name); at == "." || files[to] == nil {
				data, err := os.ReadFile(filepath.Join(dir, name))
				files[to] = &fstest.MapFile{Data: data}
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// looked is everything that is found in a folder without listening. Prompts of the group
// "unused" are those that nothing says.
func looked(t *testing.T, files fs.FS) source.Problems {
	t.Helper()
	texts, err := prompts.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	recordings, ps := recorded.Find(files, texts)
	ps = slices.Concat(rules.Texts(texts), rules.Weigh(ps), rules.Listing(texts, recordings),
		rules.Unused(texts, func(id string) bool {
			return !strings.HasPrefix(id, "unused.") && !strings.HasPrefix(id, "sys.") && !strings.HasPrefix(id, "notice.")
		}))
	ps.Sort()
	return ps
}

// fixtures are the rules that have a folder with what breaks them, one without, and what is
// said of the first.
func fixtures(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, e := range entries {
		rules = append(rules, e.Name())
	}
	return rules
}

func TestWhatBreaksARuleIsNamedAndTheBetterTextIsNot(t *testing.T) {
	for _, rule := range fixtures(t) {
		t.Run(rule, func(t *testing.T) {
			got := looked(t, folder(t, filepath.Join("testdata", rule, "bad")))
			file := filepath.Join("testdata", rule, "problems")
			if *update {
				if err := os.WriteFile(file, []byte(got.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got.Error() != strings.TrimSpace(string(want)) {
				t.Errorf("%v, got\n%v\nwant\n%s", err, got, want)
			}
			if !slices.ContainsFunc(got, func(p source.Problem) bool { return p.Rule == rule }) {
				t.Error("the rule of the folder's name has found nothing")
			}
			if found := looked(t, folder(t, filepath.Join("testdata", rule, "good"))); len(found) > 0 {
				t.Errorf("what is better is found fault with:\n%v", found)
			}
		})
	}
}

// A rule that is off finds nothing, and the others go on; its severity is the file's.
func TestSeverityIsData(t *testing.T) {
	for _, rule := range fixtures(t) {
		files := folder(t, filepath.Join("testdata", rule, "bad"))
		before := looked(t, files)
		for _, s := range []severity{problem, warning, off} {
			files["style/rules.yaml"] = &fstest.MapFile{Data: []byte(rule + ": {severity: " + string(s) + "}\n" + others(rule))}
			after := looked(t, files)
			of := func(p source.Problem) bool { return p.Rule == rule }
			if s == off && slices.ContainsFunc(after, of) {
				t.Errorf("%s is off and found something", rule)
			}
			for _, p := range after {
				if of(p) && p.Warning != (s == warning) && !strings.Contains(p.Message, "each cause") {
					t.Errorf("severity %s: %v", s, p)
				}
			}
			count := func(ps source.Problems) int { return len(slices.DeleteFunc(slices.Clone(ps), of)) }
			if count(after) != count(before) {
				t.Errorf("%s: %s changes what other rules find:\n%v\nbefore\n%v", rule, s, after, before)
			}
		}
	}
}

// others is what a fixture's own rules.yaml says of rules that are not looked at.
func others(rule string) string {
	if rule == ruleVoices {
		return ""
	}
	return ruleVoices + ": {severity: off}\n"
}

func TestEveryRuleOfTextsHasAFixture(t *testing.T) {
	have := fixtures(t)
	for _, d := range slices.Concat(textRules, []definition{{name: ruleUnused}, {name: ruleMissing}, {name: ruleVoices}, {name: ruleStale}, {name: ruleUnnoted}}) {
		if !slices.Contains(have, d.name) {
			t.Errorf("testdata has nothing that breaks %s", d.name)
		}
	}
}

// A waiver with a reason takes away the findings of its rule on its prompt, and no other.
func TestAWaiverHoldsForItsPromptAndRule(t *testing.T) {
	files := folder(t, "testdata/not-nin/bad")
	files["zh.yaml"] = &fstest.MapFile{Data: []byte("a.one: {text: 喂你, waive: {forbidden-word: 人名, not-nin: 人名}}\na.two: {text: 喂您, waive: {not-nin: 人名}}\n")}
	const want = `zh.yaml:2:1: warning: prompt "a.two" waives not-nin, which it does not break: take the waiver out [idle-waiver]
zh.yaml:2:1: prompt "a.two": "喂" is never said to a caller; better: 您好 [forbidden-word]`
	if got := looked(t, files).Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const (
	docFile  = "../../../docs/prompts.md"
	docBegin = "<!-- begin: made of the rules by go test ./internal/prompts/proof -update -->\n"
	docEnd   = "<!-- end -->\n"
)

// TestDocsHaveEveryRule: the list of rules in the docs is that of the code.
func TestDocsHaveEveryRule(t *testing.T) {
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begun := strings.Cut(string(text), docBegin)
	_, tail, ended := strings.Cut(rest, docEnd)
	if !begun || !ended {
		t.Fatal("the places where the list begins and ends are gone")
	}
	var list strings.Builder
	list.WriteString("\n| rule | severity | what is wrong | limits |\n|---|---|---|---|\n")
	for _, d := range definitions() {
		var limits []string
		for _, l := range d.limits {
			limits = append(limits, fmt.Sprintf("`%s` %g: %s", l.name, l.standard, l.about))
		}
		for _, l := range d.lists {
			limits = append(limits, fmt.Sprintf("`%s`: %s", l.name, l.about))
		}
		fmt.Fprintf(&list, "| `%s` | %s | %s | %s |\n", d.name, d.severity, d.about, strings.Join(limits, "; "))
	}
	want := head + docBegin + list.String() + "\n" + docEnd + tail
	if *update {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Error("docs/prompts.md tells of other rules than there are (go test ./internal/prompts/proof -update)")
	}
}
