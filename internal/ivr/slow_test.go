package ivr

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ivr/asterisk"
)

// TestASwitchThatLosesTime at each file of an announcement has not lost the announcement:
// only what is silent for too long has failed.
func TestASwitchThatLosesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRig(t, shipped(t))
		defer r.end()
		r.server.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.startAt("")
		r.line.mute = true
		r.do("call")
		const files = 14 // of what is said first
		for item := range files {
			r.line.events <- asterisk.PlayStarted{ID: r.line.current, Item: item, At: time.Now()}
			<-time.After(promptMS*time.Millisecond + mediaMargin/2)
		}
		synctest.Wait()
		if log.Len() > 0 {
			t.Errorf("while it plays: %s", log.String())
		}
		<-time.After(files * mediaMargin)
		synctest.Wait()
		if !bytes.Contains(log.Bytes(), []byte("an announcement failed")) {
			t.Error("an announcement without an end has not failed")
		}
	})
}
