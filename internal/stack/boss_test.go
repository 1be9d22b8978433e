package stack

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A BOSS of its own answers whoever has the token, and goes on when the hotline's Postgres is
// gone; nothing of it is left after the stop.
func TestBossHasAPostgresOfItsOwn(t *testing.T) {
	needRoot(t)
	t.Parallel()
	program := filepath.Join(t.TempDir(), "ivr")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "hotline/cmd/ivr").CombinedOutput(); err != nil {
		t.Fatalf("build ivr: %v\n%s", err, out)
	}
	o := options(t.TempDir())
	o.Boss, o.Program = FaceJSON, program
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(root, "deploy/boss/json.yaml"); s.Get("BOSS") != want {
		t.Errorf("BOSS=%s, want %s", s.Get("BOSS"), want)
	}
	gone := slices.IndexFunc(s.parts, func(p part) bool { return p.name == "postgres" })
	if err := s.parts[gone].stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.parts = slices.Delete(s.parts, gone, gone+1)
	if _, err := pgx.Connect(t.Context(), s.Get("DATABASE_URL")); err == nil {
		t.Error("the hotline's Postgres is still there")
	}
	token, err := os.ReadFile(s.Get("BOSS_TOKEN_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	for bearer, want := range map[string]int{strings.TrimSpace(string(token)): http.StatusOK, "another": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Get("BOSS_URL")+"/json/prices", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("prices: %s, want %d", resp.Status, want)
		}
	}
	stop(t, s)
	nothingLeft(t, o.Run)
}

func TestBossSetting(t *testing.T) {
	for face, want := range map[string]string{
		FaceTMF: "http://h:1/tmf-api", FaceXML: "/checkout/deploy/boss/xml.yaml", FaceJSON: "/checkout/deploy/boss/json.yaml", "soap": "",
	} {
		got, err := bossSetting(Options{Root: "/checkout", Boss: face}, "http://h:1")
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v, want %q", face, got, err, want)
		}
	}
}
