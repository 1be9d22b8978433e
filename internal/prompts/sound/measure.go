package sound

// Measure tells what is to be known of a recording. Cut tops are looked for in every channel,
// the rest is measured on their Mix, which is what callers hear.
func Measure(channels []PCM) Facts {
	mixed := Mix(channels)
	f := Facts{Rate: mixed.Rate, Channels: len(channels), MS: mixed.MS(),
		Level: Quiet, Peak: Quiet, DC: Quiet, Floor: Quiet, Hiss: Quiet, Hum: Quiet}
	for _, c := range channels {
		peak, offset := peakOf(c.Samples), mean(c.Samples)
		f.Peak = max(f.Peak, decibels(peak*peak))
		f.DC = max(f.DC, decibels(offset*offset))
		f.Clipped += clipped(c)
	}
	s := newSpectrum(mixed, voiceFrom)
	first, last, ok := s.bounds()
	if !ok || mixed.Rate <= 0 {
		f.LeadMS = f.MS
		return f
	}
	f.LeadMS = first * 1000 / mixed.Rate
	f.TailMS = (len(mixed.Samples) - 1 - last) * 1000 / mixed.Rate
	f.Level, f.Activity = speechLevel(mixed, first, last)
	f.Floor, f.Hiss, f.Hum = s.pauses(mixed, first, last)
	return f
}

// speechLevel measures a recording as it will be heard, without the silence around it
// where that would matter.
func speechLevel(p PCM, first, last int) (level, activity float64) {
	if last-first < fragmentSeconds*p.Rate {
		p.Samples = p.Samples[first : last+1]
	}
	return heardLevel(p)
}
