package dialtest

import (
	"bytes"
	"slices"
	"sort"
	"sync"
	"time"
)

// Unknown is the Prompt of sound that is in no recording of the Audio.
const Unknown = "?"

// Heard is one recording, or a stretch of unknown sound, as it came in.
type Heard struct {
	Prompt string `json:"prompt"`         // prompt id, or Unknown
	Lang   string `json:"lang,omitempty"` // in which it is said
	// Also are prompts whose audio is the same, as far as it was heard; those of another
	// language have it before them: "en:main.welcome".
	Also []string `json:"also,omitempty"`
	Text string   `json:"text,omitempty"`
	// From and To say which part of the recording was heard; Whole, that To is its end.
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
	Whole bool          `json:"whole"`
	Open  bool          `json:"open,omitempty"` // it is still being said
	// Start is the arrival of the packet with its first sample, End of its last.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Lost  int       `json:"lost,omitempty"` // packets of it that never came
	// SHA256 is that of the recording's file, where the whole of it came in bit for bit.
	SHA256 string `json:"sha256,omitempty"`
}

// Is tells whether it may be, to the last bit, the recording of the prompt id, in
// whatever language, or of "en:id" in that one.
func (h Heard) Is(id string) bool { return is(h.Lang, id, h.Prompt, h.Also) }

// ear turns frames into the line of what was heard. It treats the audio as one
// stream of bytes and asks at which place of which clip the stream is:
//
//   - While it knows, it compares each new byte with the next of the clip. Clips
//     that begin alike are followed together until one of them is left.
//   - When it does not know, it looks for a window that occurs in few places, and
//     then goes back from there for as long as the bytes are those of the clip:
//     so a pause at the begin of a clip counts as part of it, though a pause alone
//     says nothing.
//
// Positions are bytes of the stream since the call's begin.
type ear struct {
	audio *Audio

	mu sync.Mutex
	stream

	hyps   []guess // where the stream may be, at position at; empty: not known
	at     int64
	done   *guess // ended at doneAt while longer guesses, which begin alike, go on
	doneAt int64
	lost   int // packets of the entry that is open

	free    int64 // before it, every byte belongs to an entry or was silent
	floor   int64 // packets are missing before it
	scanned int64 // before it, every window has been looked up in vain

	line      []Heard
	lastStart int64 // position where the last entry of line begins

	last             Frame // without its payload
	packets, missing int
	lastSound        time.Time // end of the last frame that was not loose silence
	waits            map[*wait]struct{}
}

// guess is one answer to the question where the stream is.
type guess struct {
	clip  *Clip
	off   int   // the clip's next byte
	start int64 // where in the stream it began,
	from  int   // with which byte of the clip,
	began time.Time
}

// wait is someone who waits for a condition. It is tested in the reading
// goroutine, so that nobody is woken in vain fifty times a second.
type wait struct {
	cond func() bool
	met  chan struct{}
}

const (
	historyBytes = 2 * 8000 // how far back the begin of a clip is looked for
	bytesPerMS   = 8
	// soundBytes is how many loud bytes make a stretch unknown sound and not silence.
	soundBytes = frameBytes / 2
	// sureBytes is when an open entry is shown although another clip begins alike.
	sureBytes = 400 * bytesPerMS
)

func newEar(audio *Audio) *ear { return &ear{audio: audio, waits: map[*wait]struct{}{}} }

// hear takes the next frame. Frames that come twice or too late are passed over.
func (e *ear) hear(f Frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.packets > 0 {
		switch gap := int16(f.Seq - e.last.Seq); {
		case f.SSRC != e.last.SSRC: // the switch began a new stream: nothing is known to be missing
			e.broken(0, 0)
		case gap <= 0:
			return
		case gap > 1:
			e.broken(int(gap)-1, len(f.Payload))
		}
	}
	e.packets++
	e.add(f)
	e.last = f
	e.last.Payload = nil // it is the reader's
	e.follow()
	if len(e.hyps) > 0 || loud(f.Payload) > 0 {
		e.lastSound = f.At.Add(frameTime)
	}
	e.trim()
	for w := range e.waits {
		if w.cond() {
			close(w.met)
			delete(e.waits, w)
		}
	}
}

// broken deals with n packets of size bytes that did not come: the clip is
// assumed to have gone on meanwhile, which the next packet confirms or not.
func (e *ear) broken(n, size int) {
	e.missing += n
	e.done = nil
	if len(e.hyps) > 0 {
		e.lost += n
		last := e.hyps[0]
		e.hyps = slices.DeleteFunc(e.hyps, func(g guess) bool { return g.off+n*size >= len(g.clip.alaw) })
		for i := range e.hyps {
			e.hyps[i].off += n * size
		}
		if len(e.hyps) == 0 {
			last.off = len(last.clip.alaw)
			e.close(e.entry([]guess{last}, e.end), last.start, e.end)
		}
	}
	if len(e.hyps) == 0 {
		e.loosen(e.end)
	}
	e.floor, e.at, e.scanned = e.end, e.end, e.end
}

// follow compares what came with what is known, and looks for the place where nothing is.
func (e *ear) follow() {
	for {
		if len(e.hyps) == 0 {
			if !e.search() {
				e.at = e.end
				return
			}
			e.settle()
			continue
		}
		rest := e.bytes(e.at, e.end)
		if len(rest) == 0 {
			return
		}
		n := len(rest)
		for _, g := range e.hyps {
			n = min(n, len(g.clip.alaw)-g.off)
		}
		first := e.hyps[0]
		var before []guess // made only where there is a choice: this runs for every packet
		if len(e.hyps) > 1 {
			before = slices.Clone(e.hyps)
		}
		e.hyps = slices.DeleteFunc(e.hyps, func(g guess) bool {
			return !bytes.Equal(g.clip.alaw[g.off:g.off+n], rest[:n])
		})
		switch {
		case len(e.hyps) > 0:
			for i := range e.hyps {
				e.hyps[i].off += n
			}
			e.at += int64(n)
			if e.done != nil && loud(e.bytes(e.doneAt, e.at)) >= soundBytes {
				e.done = nil // what sounds on like the longer clip is the longer clip
			}
			e.settle()
		case e.done != nil: // it was the shorter clip after all
			e.close(e.entry([]guess{*e.done}, e.doneAt), e.done.start, e.doneAt)
		default:
			if before == nil {
				before = []guess{first}
			}
			e.close(e.entry(before, e.at), first.start, e.at)
		}
	}
}

// settle closes the entry when its clip has come to the end.
func (e *ear) settle() {
	i := slices.IndexFunc(e.hyps, func(g guess) bool { return g.off == len(g.clip.alaw) })
	if i < 0 {
		return
	}
	ended := e.hyps[i]
	e.hyps = slices.DeleteFunc(e.hyps, func(g guess) bool { return g.off == len(g.clip.alaw) })
	if len(e.hyps) == 0 {
		e.close(e.entry([]guess{ended}, e.at), ended.start, e.at)
		return
	}
	e.done, e.doneAt = &ended, e.at
}

// close puts an entry on the line, which began and ended at these positions.
func (e *ear) close(h Heard, start, end int64) {
	e.line = append(e.line, h)
	e.lastStart = start
	e.hyps, e.done, e.lost = e.hyps[:0], nil, 0
	e.at, e.free, e.scanned = end, end, end
}

// entry describes what was heard up to position end by the first of gs. The
// others begin alike and may be it just as well.
func (e *ear) entry(gs []guess, end int64) Heard {
	g := gs[0]
	also := g.clip.Also
	for _, other := range gs[1:] {
		also = append(slices.Clip(also), beside(g.clip.Lang, other.clip.Lang, other.clip.ID)...)
		also = append(also, beside(g.clip.Lang, other.clip.Lang, other.clip.Also...)...)
	}
	h := Heard{
		Prompt: g.clip.ID, Lang: g.clip.Lang, Also: also, Text: g.clip.Text,
		From: duration(g.from), To: duration(g.off), Whole: g.off == len(g.clip.alaw),
		Start: g.began, End: e.arrival(end - 1), Lost: e.lost,
	}
	if h.From == 0 && h.Whole && h.Lost == 0 {
		h.SHA256 = g.clip.SHA256
	}
	return h
}

// search looks for a telling window that ends in new bytes. The first one is the
// window at the place where the last clip ended: mostly that is it.
func (e *ear) search() bool {
	from := max(e.free, e.floor, e.scanned-frameBytes+1)
	region := e.bytes(from, e.end)
	e.scanned = e.end
	if len(region) < frameBytes {
		return false
	}
	h := hash(region[:frameBytes])
	for i := 0; ; i++ {
		if at := e.audio.find(h, region[i:i+frameBytes]); len(at) > 0 {
			e.found(at, from+int64(i))
			return true
		}
		if i+frameBytes == len(region) {
			return false
		}
		h = roll(h, region[i], region[i+frameBytes])
	}
}

// found begins an entry: the window at position w is one of these places.
func (e *ear) found(places []place, w int64) {
	for _, p := range places {
		start, from := e.back(p, w)
		e.hyps = append(e.hyps, guess{clip: p.clip, off: p.off + frameBytes, start: start, from: from, began: e.arrival(start)})
	}
	// The switch begins every recording at its begin: such a guess is the likeliest.
	sort.SliceStable(e.hyps, func(i, j int) bool { return e.hyps[i].from < e.hyps[j].from })
	start := e.hyps[0].start
	if start < e.free {
		e.giveBack(e.free - start)
	}
	e.loosen(start)
	e.at, e.free = w+frameBytes, w+frameBytes
	e.lastSound = e.arrival(e.at - 1).Add(frameTime)
}

// back goes from window w, which is place p, back towards the clip's begin. Bytes
// of the entry before may be taken only if that was cut, they are silent, and the
// begin is reached: a pause that both clips have belongs to the new one.
func (e *ear) back(p place, w int64) (start int64, from int) {
	low := max(e.floor, e.base)
	if n := len(e.line); n == 0 || e.line[n-1].Whole || e.line[n-1].Prompt == Unknown {
		low = max(low, e.free)
	} else {
		low = max(low, e.lastStart+frameBytes)
	}
	start, from = w, p.off
	for from > 0 && start > low {
		b := e.buf[start-1-e.base]
		if b != p.clip.alaw[from-1] || (start <= e.free && isLoud(b)) {
			break
		}
		start, from = start-1, from-1
	}
	if from > 0 && start < e.free {
		from += int(e.free - start)
		start = e.free
	}
	return start, from
}

// giveBack shortens the last entry, which was cut, by n bytes.
func (e *ear) giveBack(n int64) {
	last := &e.line[len(e.line)-1]
	last.To -= duration(int(n))
	e.free -= n
	last.End = e.arrival(e.free - 1)
}

// loosen ends the wait for an explanation of the bytes before position upto: they
// are unknown sound, or silence if there is next to nothing to hear.
func (e *ear) loosen(upto int64) {
	if h, pos := e.unknown(upto); pos >= 0 {
		if n := len(e.line); n > 0 && e.line[n-1].Prompt == Unknown && h.Start.Sub(e.line[n-1].End) <= 2*frameTime {
			e.line[n-1].To += h.To
			e.line[n-1].End = h.End
		} else {
			e.line = append(e.line, h)
			e.lastStart = pos
		}
	}
	e.free = max(e.free, upto)
}

// unknown describes the sound between free and upto; pos is -1 for silence.
func (e *ear) unknown(upto int64) (h Heard, pos int64) {
	from := max(e.free, e.base)
	region := e.bytes(from, max(upto, from))
	if loud(region) < soundBytes {
		return Heard{}, -1
	}
	first := slices.IndexFunc(region, isLoud)
	last := len(region) - 1
	for !isLoud(region[last]) {
		last--
	}
	pos = from + int64(first)
	return Heard{Prompt: Unknown, To: duration(last - first + 1), Start: e.arrival(pos), End: e.arrival(from + int64(last))}, pos
}

// trim forgets what is older than the history, but leaves nothing unexplained behind.
func (e *ear) trim() {
	if !e.long() {
		return
	}
	base := e.end - historyBytes
	if e.done != nil && e.doneAt < base {
		e.done = nil // it cannot be gone back to
	}
	if len(e.hyps) == 0 && e.free < base {
		e.loosen(base)
	}
	e.forget(base)
}
