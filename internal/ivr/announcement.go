package ivr

import (
	"time"

	"hotline/internal/menu"
	"hotline/internal/prompts"
)

// announcement is what the caller hears now: which files, since when. The zero
// announcement is silence.
type announcement struct {
	id        menu.ID
	name      string // the switch's name for the playback; "" where nothing could be played
	refs      []prompts.Ref
	fragments []prompts.Fragment
	started   time.Time // zero until the switch says so
	broken    time.Time // when the switch said that it failed; zero: it has not
}

func newAnnouncement(p menu.Play, fragments []prompts.Fragment) announcement {
	return announcement{id: p.ID, refs: p.Refs, fragments: fragments}
}

// is gives the announcement's ID if it is the playback of this name, 0 otherwise.
func (a *announcement) is(name string) menu.ID {
	if a.name == "" || a.name != name {
		return 0
	}
	return a.id
}

// media are the files, as ARI names them.
func (a *announcement) media() []string {
	media := make([]string, len(a.fragments))
	for i, f := range a.fragments {
		media[i] = "sound:" + f.File
	}
	return media
}

func (a *announcement) length() time.Duration { return a.from(0) }

// from is the length of the announcement from one of its files on.
func (a *announcement) from(file int) time.Duration {
	ms := 0
	for _, f := range a.fragments[min(max(file, 0), len(a.fragments)):] {
		ms += f.MS
	}
	return time.Duration(ms) * time.Millisecond
}

// heard tells how far the announcement had got at a time. The files follow each
// other without a gap, so the clock says which of them was being said.
func (a *announcement) heard(at time.Time) menu.Heard {
	if a.id == 0 {
		return menu.Heard{}
	}
	h := menu.Heard{Play: a.id}
	if a.started.IsZero() {
		return h
	}
	if !a.broken.IsZero() && a.broken.Before(at) {
		at = a.broken
	}
	all := int(a.length() / time.Millisecond)
	ms := min(max(int(at.Sub(a.started)/time.Millisecond), 0), all)
	if all > 0 {
		h.Percent = ms * 100 / all
	}
	begin, refBegin := 0, 0 // of this fragment, and of the Ref that it is part of
	for _, f := range a.fragments {
		if f.Ref != h.Ref {
			h.Ref, refBegin = f.Ref, begin
		}
		if ms < begin+f.MS {
			break
		}
		begin += f.MS
	}
	h.MS = ms - refBegin
	return h
}

// whole is an announcement heard to its end.
func (a *announcement) whole() menu.Heard {
	return a.heard(a.started.Add(time.Hour))
}
