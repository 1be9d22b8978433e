// Package proof judges what callers are to hear before they hear it: texts and
// recordings, by rules that are data beside the prompts. prompts/style/rules.yaml has
// every rule with its severity and limits, prompts/style/<language>.yaml the words of a
// language; those who write prompts read and change both.
//
//	rules, err := proof.Load(folder)
//	problems := slices.Concat(rules.Texts(catalog), rules.Unused(catalog, asked), rules.Listing(catalog, recordings))
//	problems = append(problems, rules.Sound(recording, entry, lang, container, facts, offersKey)...)
//
// Every finding names its rule, its place and what to do. It refuses to open a
// recording (prompts/decode does), to measure one (prompts/sound) and to change anything.
package proof

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/source"
)

// Rules are what texts and recordings are held to. They are not changed after Load, so
// any number of recordings may be judged at once.
type Rules struct {
	set   map[string]setting // by rule; every rule of the definitions
	langs map[string]*language
}

// severity says what a finding of a rule is.
type severity string

const (
	problem severity = "problem" // nothing with it is shipped
	warning severity = "warning" // not good, but works
	off     severity = "off"     // is not looked for
)

// definition is one rule: what rules.yaml may say of it, and what holds where it says
// nothing, so that a folder without the file is judged as this program was made to.
type definition struct {
	name     string
	severity severity
	about    string // what is wrong, for the reference
	limits   []limit
	lists    []list
}

// limit is a number that a rule compares with.
type limit struct {
	name                      string
	standard, lowest, highest float64
	about                     string
}

// list is a set of names that a rule goes by; none where rules.yaml says nothing.
type list struct{ name, about string }

// setting is what holds of a rule.
type setting struct {
	severity severity
	limits   map[string]float64
	lists    map[string][]string
}

// definitions are all rules, in the order of the reference.
func definitions() []definition {
	return slices.Concat(textRules, recordingRules, soundRules, studioRules, callRules)
}

// rulesFile has the rules; the other files of its folder are the words of languages.
const rulesFile = "style/rules.yaml"

// Load reads style/rules.yaml and style/<language>.yaml of the folder that prompts.Load
// reads. What rules.yaml does not name keeps its standard; a language without a file is
// held to what needs no words of it. The error is source.Problems.
func Load(fsys fs.FS) (*Rules, error) {
	r := &Rules{set: standard(), langs: map[string]*language{}}
	var ps source.Problems
	files, err := fs.Glob(fsys, "style/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("look for the rules of the prompts: %w", err)
	}
	known := prompts.Readable()
	for _, file := range files {
		lang := strings.TrimSuffix(path.Base(file), ".yaml")
		if file != rulesFile && !slices.Contains(known, lang) {
			ps = append(ps, fileProblem(file, "rules for language %q, which no text can have (known: %s)", lang, strings.Join(known, ", ")))
			continue
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			ps = append(ps, fileProblem(file, "cannot be read: %v", err))
			continue
		}
		root, ok := source.Parse(file, data, &ps)
		switch {
		case !ok:
		case file == rulesFile:
			r.read(root)
		default:
			r.langs[lang] = readLanguage(root)
		}
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// standard is what holds where rules.yaml says nothing.
func standard() map[string]setting {
	set := map[string]setting{}
	for _, d := range definitions() {
		s := setting{d.severity, map[string]float64{}, map[string][]string{}}
		for _, l := range d.limits {
			s.limits[l.name] = l.standard
		}
		set[d.name] = s
	}
	return set
}

// read takes over what rules.yaml says.
func (r *Rules) read(root source.Node) {
	fields := map[string]source.Field{}
	for _, d := range definitions() {
		fields[d.name] = source.Field{Read: func(n source.Node) { r.readRule(n, d) }}
	}
	root.Object(fields)
}

func (r *Rules) readRule(n source.Node, d definition) {
	s := r.set[d.name]
	fields := map[string]source.Field{"severity": {Required: true, Read: func(n source.Node) {
		s.severity = severity(n.OneOf(string(problem), string(warning), string(off)))
	}}}
	for _, l := range d.limits {
		fields[l.name] = source.Field{Read: func(n source.Node) { s.limits[l.name] = n.Number(l.lowest, l.highest) }}
	}
	for _, l := range d.lists {
		fields[l.name] = source.Field{Read: func(n source.Node) { s.lists[l.name] = texts(n) }}
	}
	n.Object(fields)
	r.set[d.name] = s
}

// texts reads a list of them.
func texts(n source.Node) (all []string) {
	n.List(func(n source.Node) { all = append(all, n.Text()) })
	return all
}

// limit gives a number of a rule.
func (r *Rules) limit(rule, name string) float64 { return r.set[rule].limits[name] }

// find gives a finding of a rule at a place with the severity that it has here: none
// where the rule is off.
func (r *Rules) find(rule string, at source.Pos, format string, args ...any) source.Problems {
	s, known := r.set[rule]
	if known && s.severity == off {
		return nil
	}
	return source.Problems{{Pos: at, Message: fmt.Sprintf(format, args...), Rule: rule, Warning: s.severity == warning}}
}

// about gives a finding of a rule on a prompt, at a place: none where the prompt waives it.
func (r *Rules) about(e prompts.Entry, at source.Pos, rule, format string, args ...any) source.Problems {
	if _, waived := e.Waive[rule]; waived {
		return nil
	}
	return r.find(rule, at, "prompt %q: %s", e.ID, fmt.Sprintf(format, args...))
}

// Weigh gives problems that others have found, such as recorded.Find, the
// severity that their rule has here. What is no rule of here stays as it is.
func (r *Rules) Weigh(ps source.Problems) source.Problems {
	var weighed source.Problems
	for _, p := range ps {
		s, known := r.set[p.Rule]
		if known && s.severity == off {
			continue
		}
		p.Warning = p.Warning && !known || s.severity == warning
		weighed = append(weighed, p)
	}
	return weighed
}

// fileProblem is about a file as a whole.
func fileProblem(file, format string, args ...any) source.Problem {
	return source.Problem{Pos: source.Pos{File: file, Line: 1, Col: 1}, Message: fmt.Sprintf(format, args...), Rule: "prompt-file"}
}
