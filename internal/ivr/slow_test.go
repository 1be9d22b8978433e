package ivr

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ivr/asterisk"
)

// failures counts what the log says of failed announcements.
type failures struct {
	slog.Handler
	n *atomic.Int64
}

func (f failures) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "an announcement failed" {
		f.n.Add(1)
	}
	return nil
}

func (f failures) WithAttrs([]slog.Attr) slog.Handler { return f }

// TestASwitchThatLosesTime at each file of an announcement has not lost the announcement:
// only what is silent for too long has failed.
func TestASwitchThatLosesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed atomic.Int64
		r := newRig(t, shipped(t))
		defer r.end()
		r.server.opt.Log = slog.New(failures{slog.NewTextHandler(io.Discard, nil), &failed})
		r.startAt("")
		r.line.mute = true
		r.do("call")
		const files = 14 // of what is said first
		for item := range files {
			r.line.events <- asterisk.PlayStarted{ID: r.line.current, Item: item, At: time.Now()}
			<-time.After(promptMS*time.Millisecond + mediaMargin/2)
		}
		if n := failed.Load(); n != 0 {
			t.Errorf("%d announcements have failed while they were said", n)
		}
		<-time.After(files * mediaMargin)
		synctest.Wait()
		if failed.Load() == 0 {
			t.Error("an announcement without an end has not failed")
		}
	})
}
