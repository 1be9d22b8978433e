package proof

import (
	"hotline/internal/prompts"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// The rules of what is heard of a recording. Levels are dBov.
const (
	ruleExtension = "wrong-extension"
	ruleSilence   = "silence"
	ruleClipping  = "clipping"
	ruleHiss      = "hiss"
	ruleHum       = "hum"
	ruleQuiet     = "too-quiet"
	ruleLoud      = "too-loud"
	ruleTooLong   = "too-long"
	ruleLeading   = "leading-silence"
	ruleLength    = "wrong-length"
)

var soundRules = []definition{
	{name: ruleExtension, severity: problem, about: "a file that is in another format than its name says"},
	{name: ruleSilence, severity: problem, about: "no speech in the recording"},
	{name: ruleClipping, severity: problem, about: "tops of the sound are cut flat",
		limits: []limit{{"places", 2, 0, 1e6, "where it may happen"}}},
	{name: ruleHiss, severity: warning, about: "noise in the pauses, above 2 kHz",
		limits: []limit{{"level", -60, -100, 0, "dBov at most"}}},
	{name: ruleHum, severity: warning, about: "50 or 60 Hz of the mains and its multiples in the pauses",
		limits: []limit{{"level", -55, -100, 0, "dBov at most"}}},
	{name: ruleQuiet, severity: warning, about: "speech that loses itself in noise when it is brought up",
		limits: []limit{{"level", -40, -100, 0, "dBov of active speech (ITU-T P.56) at least"}}},
	{name: ruleLoud, severity: warning, about: "speech near the end of what the format can hold",
		limits: []limit{{"level", -15, -100, 0, "dBov of active speech (ITU-T P.56) at most"}}},
	{name: ruleTooLong, severity: problem, about: "longer than callers listen where no key is offered",
		limits: []limit{{"seconds", 15, 1, 600, "at most"}}},
	{name: ruleLeading, severity: warning, about: "the caller waits before the speech begins",
		limits: []limit{{"seconds", 0.3, 0, 60, "of silence at most"}}},
	{name: ruleLength, severity: warning, about: "much shorter or longer than the text takes: perhaps another text, or half of it",
		limits: []limit{{"shortest", 0.5, 0, 1, "times the estimate of the text"}, {"longest", 2.2, 1, 100, "times the estimate of the text"}}},
}

// Sound judges what was measured of a recording.
func (r *Rules) Sound(rec prompts.Recording, e prompts.Entry, lang, container string, f sound.Facts, offersKey bool) source.Problems {
	var ps source.Problems
	if f.Activity == 0 {
		ps = append(ps, r.about(e, rec.Pos(), ruleSilence, "there is no speech in it: have it recorded anew")...)
	}
	return ps
}
