package proof

import (
	"path"
	"slices"
	"strings"

	"hotline/internal/prompts"
	"hotline/internal/prompts/recorded"
	"hotline/internal/prompts/sound"
	"hotline/internal/source"
)

// The rules of what is heard of a recording. Levels are dBov.
const (
	ruleExtension = "wrong-extension"
	ruleSilence   = "silence"
	ruleClipping  = "clipping"
	ruleKnock     = "knock"
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
	{name: ruleSilence, severity: problem, about: "no speech in the recording: nothing, or nothing but a steady noise",
		limits: []limit{{"above", 3, 0, 50, "dB by which what is loud is above what is quiet at least"}}},
	{name: ruleClipping, severity: problem, about: "tops of the sound are cut flat",
		limits: []limit{{"places", 2, 0, 1e6, "where it may happen"}, {"crest", 12, 0, 50, "dB by which the highest peak of a sentence is above its speech at least"}}},
	{name: ruleKnock, severity: problem, about: "a single peak far above the speech, which leaves no room to bring the speech to its level",
		limits: []limit{{"above", 25, 10, 100, "dB by which it is at most"}}},
	{name: ruleHiss, severity: warning, about: "noise in the pauses, above 2 kHz",
		limits: []limit{{"level", -58, -100, 0, "dBov at most, once the speech has its level"}}},
	{name: ruleHum, severity: warning, about: "50 or 60 Hz of the mains and its multiples in the pauses",
		limits: []limit{{"level", -55, -100, 0, "dBov at most, once the speech has its level"}}},
	{name: ruleQuiet, severity: warning, about: "speech that loses itself in noise when it is brought up",
		limits: []limit{{"level", -40, -100, 0, "dBov of active speech (ITU-T P.56) at least"}}},
	{name: ruleLoud, severity: warning, about: "speech near the end of what the format can hold",
		limits: []limit{{"level", -15, -100, 0, "dBov of active speech (ITU-T P.56) at most"}}},
	{name: ruleTooLong, severity: problem, about: "longer than callers listen where no key is offered",
		limits: []limit{{"seconds", 15, 1, 600, "at most"}}},
	{name: ruleLeading, severity: warning, about: "the caller waits before the speech begins",
		limits: []limit{{"seconds", 0.3, 0, 60, "of silence at most"}}},
	{name: ruleLength, severity: problem, about: "much shorter or longer than the text takes: perhaps another text, or half of it",
		limits: []limit{{"shortest", 0.5, 0, 1, "times the estimate of the text"}, {"longest", 2.2, 1, 100, "times the estimate of the text"}}},
}

// Sound judges what was measured of a recording of a prompt. container is the format
// that it was decoded as, one of recorded.Formats; offersKey tells whether the
// prompt names a key, so that nobody has to hear it to its end.
func (r *Rules) Sound(rec recorded.Recording, e prompts.Entry, lang, container string, f sound.Facts, offersKey bool) source.Problems {
	h := hearing{r, rec, e, f}
	ps := h.extension(container)
	if f.Level <= sound.Quiet {
		// Nothing else can be said of silence.
		return append(ps, h.found(ruleSilence, "there is no speech in its %.1f s: record it anew", seconds(f.MS))...)
	}
	if f.Level-f.Floor < r.limit(ruleSilence, "above") {
		return append(ps, h.found(ruleSilence, "there is no speech in its %.1f s, only a steady noise or tone of %.0f dBov: record it anew", seconds(f.MS), f.Level)...)
	}
	return slices.Concat(ps, h.tops(), h.pauses(), h.levels(), h.lengths(offersKey))
}

// hearing is one recording before the rules.
type hearing struct {
	*Rules
	rec recorded.Recording
	prompts.Entry
	sound.Facts
}

func (h hearing) found(rule, format string, args ...any) source.Problems {
	return h.about(h.Entry, h.rec.Pos(), rule, format, args...)
}

func seconds(ms int) float64 { return float64(ms) / 1000 }

// extension compares the name with the content. Of the formats without a header only A-law and mu-law are told
// from each other (by prompts/decode); else they are what their name says.
func (h hearing) extension(container string) source.Problems {
	named := strings.ToLower(strings.TrimPrefix(path.Ext(h.rec.File), "."))
	if named == container {
		return nil
	}
	return h.found(ruleExtension, "the file is %s, its name says %s: rename it to %s.%s", container, named, h.ID, container)
}

// tops finds what no program can repair.
func (h hearing) tops() source.Problems {
	var ps source.Problems
	if most := h.limit(ruleClipping, "places"); float64(h.Clipped) > most {
		ps = h.found(ruleClipping, "the tops of the sound are cut flat at %d places (at most %.0f): record it anew with less gain; making it softer afterwards does not help", h.Clipped, most)
	} else if least := h.limit(ruleClipping, "crest"); h.Peak-h.Level < least && h.MS-h.LeadMS-h.TailMS >= sentenceMS {
		// Resampling and coding round the corners of cut tops; that all of them are equally high stays.
		ps = h.found(ruleClipping, "its highest peak is only %.0f dB above the speech (at least %.0f): it was cut, or pressed flat by a limiter; record it anew with less gain", h.Peak-h.Level, least)
	}
	if most := h.limit(ruleKnock, "above"); h.Peak-h.Level > most {
		ps = append(ps, h.found(ruleKnock, "a peak %.0f dB above the speech (at most %.0f): cut the knock or the click out, or the speech stays softer than that of other prompts", h.Peak-h.Level, most)...)
	}
	return ps
}

// sentenceMS is long enough that some of its vowels are loud; a single word may have no peak.
const sentenceMS = 1000

// pauses finds what is heard where nothing is said.
func (h hearing) pauses() source.Problems {
	var ps source.Problems
	if most := h.limit(ruleHiss, "level"); h.heard(h.Hiss) > most {
		ps = h.found(ruleHiss, "hiss of %.0f dBov in the pauses once the speech has its level (at most %.0f): record it nearer to the microphone or in a quieter room", h.heard(h.Hiss), most)
	}
	if most := h.limit(ruleHum, "level"); h.heard(h.Hum) > most {
		ps = append(ps, h.found(ruleHum, "mains hum of %.0f dBov in the pauses once the speech has its level (at most %.0f): find the ground loop or the power supply beside a cable, and record it anew", h.heard(h.Hum), most)...)
	}
	return ps
}

// heard is how loud something is once the speech is brought to its level: callers hear
// the noise of a quiet recording louder than it was recorded.
func (h hearing) heard(level float64) float64 {
	if level <= sound.Quiet {
		return level
	}
	return level + sound.TargetLevel - h.Level
}

func (h hearing) levels() source.Problems {
	if least := h.limit(ruleQuiet, "level"); h.Level < least {
		return h.found(ruleQuiet, "speech of %.0f dBov (at least %.0f): record it louder; brought up afterwards, the noise comes with it", h.Level, least)
	}
	if most := h.limit(ruleLoud, "level"); h.Level > most {
		return h.found(ruleLoud, "speech of %.0f dBov (at most %.0f): record it with less gain, before it is cut flat", h.Level, most)
	}
	return nil
}

// lengths compares the time with what callers bear, and with what the text takes.
func (h hearing) lengths(offersKey bool) source.Problems {
	var ps source.Problems
	speech := h.MS - h.LeadMS - h.TailMS // what is left when it is trimmed
	if most := h.limit(ruleTooLong, "seconds"); !offersKey && seconds(speech) > most {
		ps = h.found(ruleTooLong, "%.1f s without a key to press (at most %.0f): shorten the text, or make it two prompts with a choice between", seconds(speech), most)
	}
	if most := h.limit(ruleLeading, "seconds"); seconds(h.LeadMS) > most {
		ps = append(ps, h.found(ruleLeading, "%.1f s of silence before the speech (at most %.1f): cut it; the build does, where the silence is one", seconds(h.LeadMS), most)...)
	}
	expected := prompts.EstimateMS(h.Text)
	shortest, longest := h.limit(ruleLength, "shortest"), h.limit(ruleLength, "longest")
	if took := float64(speech); took < shortest*float64(expected) || took > longest*float64(expected+slackMS) {
		ps = append(ps, h.found(ruleLength, "%.1f s of speech, where the text takes some %.1f s (%q): it says another text, or is not whole; listen to it", seconds(speech), seconds(expected), h.Text)...)
	}
	return ps
}

// slackMS is what a speaker may take for a word beyond the estimate, which is of a synthesiser in a hurry.
const slackMS = 300
