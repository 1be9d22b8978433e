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
	"syscall"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/prompts"
	"hotline/internal/stack"
)

// elsewhere is an Asterisk on another host, as far as one machine can have it: its folder
// of sounds is its own.
type elsewhere struct {
	*stack.Stack
	ari   string // with the user of the Asterisk of all tests
	audio string
}

// newElsewhere brings it up, with the sounds of the one of all tests.
func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	cache, err := os.UserCacheDir()
	fatal(t, err)
	run := t.TempDir()
	e := &elsewhere{audio: filepath.Join(run, "prompts")}
	fatal(t, os.CopyFS(e.audio, os.DirFS(os.Getenv("AUDIO"))))
	e.Stack, err = stack.Start(t.Context(), stack.Options{
		Root: filepath.Dir(os.Getenv("MENUS")), Run: run, DatabaseURL: os.Getenv("DATABASE_URL"),
		Cache: cmp.Or(os.Getenv("IVR_CACHE"), filepath.Join(cache, "hotline")),
	})
	fatal(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	target, err := url.Parse(e.Get("ARI_URL"))
	fatal(t, err)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetBasicAuth(e.Get("ARI_USER"), e.Get("ARI_PASSWORD"))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	e.ari = front.URL + target.Path
	return e
}

// dial calls the hotline by that Asterisk, with ears that know this audio.
func (e *elsewhere) dial(t *testing.T, h *hotline, number string, audio *dialtest.Audio) *talk {
	t.Helper()
	h.numbers.Store(number, true)
	phones, err := dialtest.New(dialtest.Options{Addr: e.Get("SIP_ADDR"), Token: e.Get("DIALTEST_TOKEN"), Audio: audio})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, phones.Close()) })
	return h.dialBy(t, phones, number, "10086")
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
	far := newElsewhere(t)
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
	k := far.dial(t, h, "13970000001", p.audio)
	k.hear("sys.failure")
	k.ends(patience)
	k = h.dial(t, "13970000002")
	k.begins("main.welcome")
	k.hangup()

	fatal(t, os.WriteFile(file, right, 0o644))
	began := time.Now()
	h.proc.ready(t)
	t.Logf("serves %v after the right file is there", time.Since(began).Round(time.Millisecond))
	k = far.dial(t, h, "13970000003", p.audio)
	k.hear("main.welcome")
	k.hangup()
	h.stop(t)
}

// TestAVersionIsLiveEverywhereOrNowhere: a changed sentence whose sound one Asterisk lacks is
// live on none, and it is said which file is missing where. Once a follower copies it there it
// is live on both, and a rollback brings both back.
func TestAVersionIsLiveEverywhereOrNowhere(t *testing.T) {
	t.Parallel()
	p := need(t)
	near, far := newElsewhere(t), newElsewhere(t)
	texts := filepath.Join(t.TempDir(), "prompts")
	fatal(t, os.CopyFS(texts, os.DirFS(os.Getenv("PROMPTS"))))
	h := prepare(t, "ARI_URL="+near.ari+","+far.ari, "AUDIO="+near.audio, "PROMPTS="+texts, "SOUNDS_WAIT=1s")
	h.rough = true // what is refused is an error
	h.live(t)
	old := sound(t, "main.welcome")
	both := func(audio *dialtest.Audio, numbers ...string) {
		t.Helper()
		for i, asterisk := range []*elsewhere{near, far} {
			k := asterisk.dial(t, h, numbers[i], audio)
			k.hear("main.welcome")
			k.clean()
			k.hangup()
		}
	}

	file := filepath.Join(texts, "zh.yaml")
	content, err := os.ReadFile(file)
	fatal(t, err)
	changed := strings.Replace(string(content), "\nmain.welcome: 您好，欢迎", "\nmain.welcome: 您好，感谢您", 1)
	if changed == string(content) {
		t.Fatal("the welcome reads otherwise by now")
	}
	fatal(t, os.WriteFile(file, []byte(changed), 0o644))
	eventually(t, judged, func() string {
		_, body := h.proc.get("/status")
		for _, want := range []string{"asterisk-2: 1 of ", "zh/main.welcome-", " is missing"} {
			if !strings.Contains(body, want) {
				return body
			}
		}
		return ""
	})
	h.publishes(t, 1)
	both(p.audio, "13970000011", "13970000012")

	follower := h.run(t, "prompts", "follow", "--audio", far.audio)
	h.publishes(t, 2)
	eventually(t, patience, func() string { // the plain names there lead to it, too
		now, err := prompts.ReadManifest(os.DirFS(far.audio))
		if err != nil || now["zh"]["main.welcome"].File == old {
			return fmt.Sprintf("%s, %v", now["zh"]["main.welcome"].File, err)
		}
		return ""
	})
	audio, err := dialtest.LoadAudio(os.DirFS(far.audio))
	fatal(t, err)
	both(audio, "13970000013", "13970000014")

	if p := h.run(t, "rollback"); p.wait(t) != 0 {
		t.Fatal(p.log.String())
	}
	eventually(t, judged, func() string {
		if _, body := h.proc.get("/status"); !strings.Contains(body, `"seq":3,`) {
			return body
		}
		return ""
	})
	both(p.audio, "13970000015", "13970000016")
	follower.signal(syscall.SIGTERM)
	if code := follower.wait(t); code != 0 {
		t.Errorf("the follower ended with %d\n%s", code, follower.log.String())
	}
}
