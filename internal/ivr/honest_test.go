package ivr

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"hotline/internal/ivr/asterisk"
)

// recorded reads what the real Asterisk told in a recorded call: begin and end of
// each playback (numbered in their order), keys, and the end of the channel.
func recorded(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var events, plays []string
	number := func(id string) int {
		if !slices.Contains(plays, id) {
			plays = append(plays, id)
		}
		return slices.Index(plays, id) + 1
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line struct {
			Dir string
			Msg struct {
				Type, Digit string
				Playback    struct{ ID, State string }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		m := line.Msg
		switch m.Type {
		case "PlaybackStarted": // told again for every file of a playlist
			if e := fmt.Sprintf("started %d", number(m.Playback.ID)); !slices.Contains(events, e) {
				events = append(events, e)
			}
		case "PlaybackFinished":
			events = append(events, fmt.Sprintf("finished %d %s", number(m.Playback.ID), m.Playback.State))
		case "ChannelDtmfReceived":
			events = append(events, "key "+m.Digit)
		case "ChannelHangupRequest":
			events = append(events, "hanging up")
		case "StasisEnd":
			events = append(events, "left")
		}
	}
	return events
}

// told writes the fake line's events as recorded does.
func told(l *fakeLine) []string {
	var events []string
	state := map[bool]string{false: "done", true: "failed"}
	for {
		select {
		case e := <-l.events:
			switch e := e.(type) {
			case asterisk.PlayStarted:
				events = append(events, "started "+e.ID)
			case asterisk.PlayFinished:
				events = append(events, "finished "+e.ID+" "+state[e.Failed])
			case asterisk.Digit:
				events = append(events, "key "+string(e.Key))
			case asterisk.HangupRequested:
				events = append(events, "hanging up")
			case asterisk.Left:
				events = append(events, "left")
			}
		default:
			return events
		}
	}
}

// TestFakeLineIsHonest does on the fake line what was done on a real call, and
// compares what both tell.
func TestFakeLineIsHonest(t *testing.T) {
	l := newFakeLine()
	l.Play("1", []string{"a", "b"}, "")
	l.events <- asterisk.Digit{Key: '1'}
	l.Play("2", []string{"b"}, "1")
	l.events <- asterisk.Digit{Key: '#'}
	l.Play("3", []string{"b"}, "2")
	l.hangUp(time.Now())
	if want, got := recorded(t, "asterisk/testdata/barge-in.jsonl"), told(l); !slices.Equal(want, got) {
		t.Errorf("the real Asterisk told\n%v\nthe fake line tells\n%v", want, got)
	}
}
