package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hotline/internal/dialtest"
	"hotline/internal/pgtest"
	"hotline/internal/prompts"
)

// needed is what `ivr up --parts -- …` puts into the environment.
var needed = []string{
	"DATABASE_URL", "ARI_APP", "ARI_URL", "ARI_USER", "ARI_PASSWORD", "MENUS", "PROMPTS", "AUDIO",
	"NUMBER_KEY_FILE", "CDR_FILE", "SIP_ADDR", "DIALTEST_TOKEN", "AGENT_PASSWORD",
}

// parts are what all tests share. Nothing in them remembers a call.
type parts struct {
	binary string
	audio  *dialtest.Audio
	phones *dialtest.Caller // one user agent for all callers
	spoken *prompts.Catalog

	furnished *pgtest.Template // see furnish
}

// What has to be tidied up when all tests are over.
var (
	scratch   string // the folder with the binary
	phones    *dialtest.Caller
	furnished *pgtest.Template
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for voices more than for the processor: with the usual two at a time they
	// would take a quarter of an hour. With many more, servers that start wait for each other.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "hotline-e2e-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if phones != nil {
		if err := phones.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the callers:", err)
			code = max(code, 1)
		}
	}
	if furnished != nil {
		if err := furnished.Drop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	_ = os.RemoveAll(scratch) // a leftover in /tmp is no failure
	os.Exit(code)
}

// need gives the parts, or skips the test where there are none; never where it
// must run.
func need(t *testing.T) *parts {
	t.Helper()
	for _, name := range needed {
		if os.Getenv(name) != "" {
			continue
		}
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatalf("%s is not set, and this run must not skip: run it by 'make test'", name)
		}
		t.Skipf("%s is not set: run it by 'make test'", name)
	}
	p, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var prepared = sync.OnceValues(func() (*parts, error) {
	p := &parts{binary: filepath.Join(scratch, "ivr")}
	build := []string{"build", "-o", p.binary}
	if _, err := exec.LookPath("gcc"); err == nil {
		build = append(build, "-race") // the server's own races, under real calls
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", append(build, "hotline/cmd/ivr")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	folder := os.DirFS(os.Getenv("AUDIO"))
	texts, err := prompts.Load(os.DirFS(os.Getenv("PROMPTS")))
	if err != nil {
		return nil, err
	}
	var err1, err2 error
	manifest, err := prompts.ReadManifest(folder)
	if err != nil {
		return nil, err
	}
	p.spoken, err1 = texts.WithAudio(os.Getenv("AUDIO"), folder, manifest)
	p.audio, err2 = dialtest.LoadAudio(folder)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	p.phones, err = dialtest.New(dialtest.Options{Addr: os.Getenv("SIP_ADDR"), Token: os.Getenv("DIALTEST_TOKEN"), Audio: p.audio})
	phones = p.phones
	if err != nil {
		return nil, err
	}
	p.furnished, err = pgtest.NewTemplate(ctx, furnish)
	furnished = p.furnished
	return p, err
})

// patience is how long anything may take that has no time of its own.
const patience = 40 * time.Second

// eventually waits until check finds nothing to complain about any more.
func eventually(t *testing.T, limit time.Duration, check func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := check()
		if problem == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still after %v: %s", limit, problem)
		}
	}
}
