// Package sound knows speech as numbers: how loud it is (ITU-T P.56), where it begins
// and ends, what is wrong with it, and the codecs of a telephone network.
//
// It refuses to read files, to run programs and to judge: what a recording may be is
// the business of prompts/proof.
package sound

// Recipe is raised whenever Trim, ToLevel or Encode make other sound, or Measure other Facts, of
// the same samples: who keeps what was made looks at it.
const Recipe = "4"

// PCM is one channel of linear sound, 16 bit. 0 dBov is the level of a square wave at
// full scale (ITU-T G.100.1), so a sine at full scale has -3 dBov.
type PCM struct {
	Rate    int // samples a second
	Samples []int16
}

// MS is its length in milliseconds.
func (p PCM) MS() int {
	if p.Rate == 0 {
		return 0
	}
	return len(p.Samples) * 1000 / p.Rate
}

// Facts are what can be measured of a recording. Levels are dBov, and Quiet where there is nothing.
type Facts struct {
	Rate     int `json:"rate"`     // samples a second
	Channels int `json:"channels"` // all of them were listened to
	MS       int `json:"ms"`

	Level    float64 `json:"level"`    // of the active speech (ITU-T P.56, method B)
	Activity float64 `json:"activity"` // the part of the time that is speech, 0 to 1
	Peak     float64 `json:"peak"`     // of a single sample
	DC       float64 `json:"dc"`       // of a constant offset, which Mix takes away
	Clipped  int     `json:"clipped"`  // places where the tops are cut flat, or where the sound stands still
	LeadMS   int     `json:"lead_ms"`  // silence before the speech
	TailMS   int     `json:"tail_ms"`  // and after it
	Floor    float64 `json:"floor"`    // of what is heard in the pauses
	Hiss     float64 `json:"hiss"`     // of that, above 2 kHz
	Hum      float64 `json:"hum"`      // of that, at 50 or 60 Hz and its multiples
}

// Quiet stands for the level of what has none, as JSON knows no infinity.
const Quiet = -100.0
