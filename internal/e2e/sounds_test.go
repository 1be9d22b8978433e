package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/prompts"
	"hotline/internal/stack"
)

// elsewhere is an Asterisk on another host, as far as one machine can have it: its folder
// of sounds is its own.
type elsewhere struct {
	ari    string // with the user of the Asterisk of all tests
	audio  string
	phones *dialtest.Caller
}

// newElsewhere brings it up, with the sounds of the first one if so wished.
func newElsewhere(t *testing.T, p *parts, filled bool) *elsewhere {
	t.Helper()
	cache, err := os.UserCacheDir()
	fatal(t, err)
	run := t.TempDir()
	e := &elsewhere{audio: filepath.Join(run, "prompts")}
	fatal(t, os.MkdirAll(e.audio, 0o755))
	if filled {
		fatal(t, os.CopyFS(e.audio, os.DirFS(os.Getenv("AUDIO"))))
	}
	s, err := stack.Start(t.Context(), stack.Options{
		Root: filepath.Dir(os.Getenv("MENUS")), Run: run, DatabaseURL: os.Getenv("DATABASE_URL"),
		Cache: cmp.Or(os.Getenv("IVR_CACHE"), filepath.Join(cache, "hotline")),
	})
	fatal(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	target, err := url.Parse(s.Get("ARI_URL"))
	fatal(t, err)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetBasicAuth(s.Get("ARI_USER"), s.Get("ARI_PASSWORD"))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	e.ari = front.URL + target.Path
	e.phones, err = dialtest.New(dialtest.Options{Addr: s.Get("SIP_ADDR"), Token: s.Get("DIALTEST_TOKEN"), Audio: p.audio})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, e.phones.Close()) })
	return e
}

// dial calls the hotline by that Asterisk.
func (e *elsewhere) dial(t *testing.T, h *hotline, number string) *talk {
	t.Helper()
	h.numbers.Store(number, true)
	return h.dialBy(t, e.phones, number, "10086")
}

// sound is the file that a prompt is heard with, below the folder of all sounds.
func sound(t *testing.T, id string) string {
	t.Helper()
	m, err := prompts.ReadManifest(os.DirFS(os.Getenv("AUDIO")))
	fatal(t, err)
	return m["zh"][id].File
}

// notReady waits until the server says that it is not, and all of this.
func (h *hotline) notReady(t *testing.T, says ...string) {
	t.Helper()
	eventually(t, firstStart, func() string {
		code, body := h.proc.get("/readyz")
		for _, want := range says {
			if !strings.Contains(body, want) {
				code = 0
			}
		}
		if code != http.StatusServiceUnavailable {
			return fmt.Sprintf("/readyz: %s, want %q", body, says)
		}
		return ""
	})
}

// verified is what the metric says of an Asterisk.
func (h *hotline) verified(t *testing.T, node string) string {
	t.Helper()
	_, body := h.proc.get("/metrics")
	_, value, _ := strings.Cut(body, fmt.Sprintf("ivr_audio_verified{node=%q} ", node))
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// TestAChangedByteElsewhere: of two Asterisks one has a single wrong byte in one sound. It gets no
// call, its callers hear the dialplan's apology, and /readyz says which file; the other serves. Once
// the right file is there it serves within seconds.
func TestAChangedByteElsewhere(t *testing.T) {
	t.Parallel()
	p := need(t)
	far := newElsewhere(t, p, true)
	name := sound(t, "main.welcome")
	file := filepath.Join(far.audio, name)
	right, err := os.ReadFile(file)
	fatal(t, err)
	wrong := bytes.Clone(right)
	wrong[len(wrong)/2] ^= 1
	fatal(t, os.WriteFile(file, wrong, 0o644))

	h := prepare(t, "ARI_URL="+os.Getenv("ARI_URL")+","+far.ari)
	h.rough = true // it is an error
	h.proc = h.run(t, "serve")
	h.notReady(t, `"asterisk-1":"ok"`, `"asterisk-2":"it gets no calls: 1 of `, name+" has other content")
	if a, b := h.verified(t, "asterisk-1"), h.verified(t, "asterisk-2"); a != "1" || b != "0" {
		t.Errorf("ivr_audio_verified is %q and %q", a, b)
	}
	k := far.dial(t, h, "13970000001")
	k.hear("sys.failure")
	k.ends(patience)
	k = h.dial(t, "13970000002")
	k.begins("main.welcome")
	k.hangup()

	fatal(t, os.WriteFile(file, right, 0o644))
	began := time.Now()
	h.proc.ready(t)
	t.Logf("serves %v after the right file is there", time.Since(began).Round(time.Millisecond))
	k = far.dial(t, h, "13970000003")
	k.hear("main.welcome")
	k.hangup()
	h.stop(t)
}
