package check

import (
	"slices"
	"time"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

// lengths knows how long the announcements of a tree take, in each of its languages.
type lengths struct {
	catalog   *prompts.Catalog
	languages []string
	refs      map[prompts.Ref]*refLength
	estimated bool // a text without a recording has been met
}

// refLength is one Ref in each language of the tree, in milliseconds; below 0 where
// that language cannot say it.
type refLength []int

func newLengths(t *tree.Tree, c *prompts.Catalog) *lengths {
	return &lengths{catalog: c, languages: t.Languages, refs: map[prompts.Ref]*refLength{}}
}

// ref measures one Ref in all languages.
func (l *lengths) ref(r prompts.Ref) refLength {
	// The same Refs are met at every step of the exploration.
	if known := l.refs[r]; known != nil {
		return *known
	}
	measured := make(refLength, len(l.languages))
	for i, lang := range l.languages {
		// Pieces of numbers differ by language, so each language is measured by itself.
		fragments, err := l.catalog.Fragments(lang, []prompts.Ref{r})
		if err != nil {
			measured[i] = -1
			continue
		}
		for _, f := range fragments {
			if f.MS == 0 {
				l.estimated = true
				f.MS = prompts.EstimateMS(f.Text)
			}
			measured[i] += f.MS
		}
	}
	l.refs[r] = &measured
	return measured
}

// unsayable finds a Ref that one of the languages cannot say.
func (l *lengths) unsayable(refs []prompts.Ref) (prompts.Ref, string, bool) {
	for _, r := range refs {
		if i := slices.Index(l.ref(r), -1); i >= 0 {
			return r, l.languages[i], true
		}
	}
	return prompts.Ref{}, "", false
}

// of is how long refs take in the first language.
func (l *lengths) of(refs []prompts.Ref) time.Duration { return l.in(0, refs) }

// in is how long refs take in the n-th language.
func (l *lengths) in(n int, refs []prompts.Ref) time.Duration {
	ms := 0
	for _, r := range refs {
		ms += max(0, l.ref(r)[n])
	}
	return time.Duration(ms) * time.Millisecond
}

// until is how long a caller listens until a key has been named to him; all of the
// announcement where it is not.
func (l *lengths) until(n int, refs []prompts.Ref, key byte) time.Duration {
	named := tree.KeyRef(string(key))
	for i, r := range refs {
		// The keys of a choice of languages are named in their language.
		if r.In = ""; r == named {
			return l.in(n, refs[:i+1])
		}
	}
	return l.in(n, refs)
}
