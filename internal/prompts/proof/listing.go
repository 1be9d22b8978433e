package proof

import (
	"path"
	"slices"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/prompts/recorded"
	"hotline/internal/source"
)

// The rules of what belongs together: ids, languages and recordings.
const (
	ruleUnused     = "unused"
	ruleMissing    = "missing-text"
	ruleUnrecorded = "missing-recording"
	ruleVoices     = "two-voices"
	ruleStale      = "stale-recording"
	ruleUnnoted    = "unnoted-recording"
)

var recordingRules = []definition{
	{name: ruleUnused, severity: warning, about: "a prompt that no menu says",
		lists: []list{{"used_elsewhere", "ids that the dialplan or people play, with * for any rest"}}},
	{name: ruleMissing, severity: problem, about: "an id without a text in one of the languages"},
	{name: ruleUnrecorded, severity: warning, about: "a prompt without a recording, in a language that is wholly recorded",
		lists: []list{{"languages", "languages that a studio records wholly"}}},
	{name: ruleVoices, severity: warning, about: "some prompts of a language have recordings: callers hear a person and the synthesiser in one sentence"},
	{name: ruleStale, severity: warning, about: "a recording of an earlier text; the voice speaks the new one until it is recorded anew"},
	{name: ruleUnnoted, severity: warning, about: "a recording of which nobody has noted the text, so that a change of the text would not show"},
	{name: "stray-recording", severity: problem, about: "a file among the recordings that belongs to no prompt or language"},
	{name: "two-recordings", severity: problem, about: "two files for one prompt"},
	{name: "unreadable", severity: problem, about: "a recording that cannot be read or decoded"},
	{name: "empty", severity: problem, about: "a recording without a sound in it"},
	{name: "truncated", severity: problem, about: "a recording whose end is missing"},
	{name: "damaged", severity: problem, about: "a recording that contradicts itself, or parts of which cannot be decoded"},
	{name: "too-large", severity: problem, about: "a file larger than any prompt"},
	{name: "decoder-timeout", severity: problem, about: "a file that keeps the decoder busy for longer than any prompt takes"},
}

// Unused names the prompts that nothing says. used tells whether any menu asks for an id.
func (r *Rules) Unused(c *prompts.Catalog, used func(id string) bool) source.Problems {
	var ps source.Problems
	for _, lang := range c.Languages() {
		for _, e := range c.Entries(lang) {
			if e.Pos.File == "" || used(e.ID) || r.elsewhere(e.ID) {
				continue
			}
			ps = append(ps, r.text(e, ruleUnused, "no menu says it: delete it, or name it under used_elsewhere of rule %s in %s", ruleUnused, rulesFile)...)
		}
	}
	return ps
}

// elsewhere tells whether an id is said by something else than menus. Ids have no slash,
// so path.Match's * stands for any rest; a pattern that is none matches nothing, and shows by
// the findings that it does not end.
func (r *Rules) elsewhere(id string) bool {
	return slices.ContainsFunc(r.set[ruleUnused].lists["used_elsewhere"], func(pattern string) bool {
		ok, err := path.Match(pattern, id)
		return err == nil && ok
	})
}

// Listing names prompts without a recording, and recordings of other texts. It opens
// nothing: what a recording is noted to say is compared.
func (r *Rules) Listing(c *prompts.Catalog, rec recorded.All) source.Problems {
	var ps source.Problems
	for _, lang := range r.set[ruleUnrecorded].lists["languages"] {
		if !slices.Contains(c.Languages(), lang) {
			ps = append(ps, r.find(ruleUnrecorded, source.Pos{File: rulesFile, Line: 1, Col: 1},
				"language %q is to be recorded wholly and has no texts: write %s.yaml, or take it out of the languages of %s", lang, lang, ruleUnrecorded)...)
		}
	}
	for _, lang := range c.Languages() {
		ps = append(ps, r.unrecorded(c, lang, rec[lang])...)
		for _, e := range c.Entries(lang) {
			if recording, there := rec[lang][e.ID]; there {
				ps = append(ps, r.outdated(e, recording)...)
			}
		}
	}
	return ps
}

// untranslated finds ids that a language lacks, at the place where another one has them.
func (r *Rules) untranslated(c *prompts.Catalog) (ps source.Problems) {
	for _, lang := range c.Languages() {
		for _, e := range c.Entries(lang) {
			if e.Pos.File == "" {
				continue // each language has its own parts of spoken numbers
			}
			var without []string
			for _, other := range c.Languages() {
				if !c.Has(other, e.ID) {
					without = append(without, other+".yaml")
				}
			}
			if len(without) > 0 {
				ps = append(ps, r.text(e, ruleMissing, "has no text in %s: write it there, or delete it here", strings.Join(without, ", "))...)
			}
		}
	}
	return ps
}

// unrecorded finds prompts that callers hear another voice for. A menu says one sentence
// in several recordings ("来电显示" "请按" "一"), so a language is recorded wholly or not
// at all. Naming every missing one is for who has decided to record it: before, hundreds of
// findings would hide the others.
func (r *Rules) unrecorded(c *prompts.Catalog, lang string, rec map[string]recorded.Recording) (ps source.Problems) {
	folder := source.Pos{File: path.Join("recordings", lang), Line: 1, Col: 1}
	if !slices.Contains(r.set[ruleUnrecorded].lists["languages"], lang) {
		all := len(slices.DeleteFunc(c.Entries(lang), func(e prompts.Entry) bool { return e.Silence > 0 }))
		if len(rec) > 0 && len(rec) < all {
			return r.find(ruleVoices, folder, "%d of %d prompts are recorded, the synthesiser speaks the others: record them all ('ivr prompts studio'), or name %s under languages of rule %s in %s to see which are missing",
				len(rec), all, lang, ruleUnrecorded, rulesFile)
		}
		return nil
	}
	for _, e := range c.Entries(lang) {
		if _, there := rec[e.ID]; there || e.Silence > 0 {
			continue
		}
		at := e.Pos
		if at.File == "" {
			at = folder // a part of spoken numbers stands in no file
		}
		ps = append(ps, r.about(e, at, ruleUnrecorded, "has no recording in %s: 'ivr prompts studio' lists what to record", folder.File)...)
	}
	return ps
}

// outdated finds a recording that says, or may say, another text than its prompt's. A
// file's time tells nothing: a checkout writes all of them anew.
func (r *Rules) outdated(e prompts.Entry, rec recorded.Recording) source.Problems {
	notes := path.Join(path.Dir(rec.File), recorded.NotesFile)
	switch {
	case rec.Note.Text == "":
		return r.about(e, rec.Pos(), ruleUnnoted, "nobody has noted in %s what the recording says: 'ivr prompts import' of its folder listens to it and notes it", notes)
	case strings.TrimSpace(rec.Note.Text) != e.Text:
		return r.about(e, rec.Pos(), ruleStale, "the recording says an earlier text, %q: have it recorded anew ('ivr prompts studio' lists it)", rec.Note.Text)
	}
	return nil
}

// Replaced finds a recording that is another file than the one whose text was noted.
// sha256 is that of the file, hexadecimal.
func (r *Rules) Replaced(rec recorded.Recording, e prompts.Entry, sha256 string) source.Problems {
	if rec.Note.SHA256 == "" || rec.Note.SHA256 == sha256 {
		return nil
	}
	return r.about(e, rec.Pos(), ruleUnnoted, "another file than the one that was noted to say %q: 'ivr prompts import' of its folder listens to it and notes what it says", rec.Note.Text)
}

// OffersKey tells whether a text offers a key, by the words of its language.
func (r *Rules) OffersKey(lang, text string) bool {
	l := r.langs[lang]
	return l != nil && l.offersKey(text)
}

// Refused gives the finding on a recording that could not be decoded, or not wholly.
func (r *Rules) Refused(rule, why string, rec recorded.Recording) source.Problems {
	return r.find(rule, rec.Pos(), "%s", why)
}
