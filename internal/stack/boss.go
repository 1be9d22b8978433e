package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The faces of a BOSS of its own.
const (
	FaceTMF  = "tmf"
	FaceXML  = "xml"
	FaceJSON = "json"
)

// bossSetting is what the server's setting BOSS has to be for a face of the BOSS at url.
func bossSetting(o Options, url string) (string, error) {
	switch o.Boss {
	case FaceTMF:
		return url + "/tmf-api", nil
	case FaceXML, FaceJSON: // which find the BOSS by BOSS_URL
		return filepath.Join(o.Root, "deploy", "boss", o.Boss+".yaml"), nil
	}
	return "", fmt.Errorf("no BOSS speaks %q (there are %s, %s, %s)", o.Boss, FaceTMF, FaceXML, FaceJSON)
}

// boss brings up `ivr boss` on a Postgres of its own in RUN/boss: that of the hotline can
// then go away without it, as at an operator. Its settings join those of the stack.
func (s *Stack) boss(ctx context.Context, o Options, net ports, note func(string, ...any)) error {
	url := "http://" + net.boss
	setting, err := bossSetting(o, url)
	if err != nil {
		return err
	}
	dir := filepath.Join(o.Run, "boss")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	databaseURL, err := s.cluster(ctx, cluster{
		name: "the BOSS's postgres", owner: "boss", dir: filepath.Join(dir, "pg"), addr: net.bossPostgres, bin: findPostgres(),
		log: filepath.Join(o.Run, "log", "boss-postgres.log"), initLog: filepath.Join(o.Run, "log", "boss-initdb.log"),
	}, note)
	if err != nil {
		return err
	}
	token, err := secretFile(filepath.Join(dir, "token"))
	if err != nil {
		return err
	}
	ledger := filepath.Join(dir, "ledger.jsonl")
	s.env = append(s.env, []Var{
		{"BOSS", setting}, {"BOSS_URL", url}, {"BOSS_TOKEN_FILE", token}, {"BOSS_DATABASE_URL", databaseURL}, {"BOSS_LEDGER", ledger},
	}...)
	child, err := s.launch(process{
		name: "the BOSS", args: []string{o.Program, "boss", "--listen", net.boss, "--ledger", ledger, "--token-file", token},
		env: append(os.Environ(), s.Environ()...), log: filepath.Join(o.Run, "log", "boss.log"), grace: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	note("%s, spoken to by %s, log: %s", url, o.Boss, child.log)
	return await(ctx, child, 30*time.Second, says200(url+"/healthz"))
}
