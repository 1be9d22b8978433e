package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bossCheck runs `ivr boss check`.
func bossCheck(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	root := rootCommand()
	root.SetOut(&b)
	root.SetErr(&b)
	root.SetArgs(append([]string{"boss", "check"}, args...))
	err = root.ExecuteContext(t.Context())
	return b.String(), err
}

func TestBossCheckNamesProblems(t *testing.T) {
	for _, name := range []string{"json.yaml", "xml.yaml"} {
		file := filepath.Join("../../deploy/boss", name)
		if out, err := bossCheck(t, file); err != nil || out != file+": no problems\n" {
			t.Errorf("%s, %v", out, err)
		}
	}
	text, err := os.ReadFile("../../deploy/boss/json.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "boss.yaml")
	if err := os.WriteFile(file, bytes.Replace(text, []byte("at: $.data.balance"), []byte("at: $.data.."), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := bossCheck(t, file)
	if exit := exitError(0); !errors.As(err, &exit) || exit != 1 || !strings.Contains(out, "[path]") || !strings.Contains(out, "^") {
		t.Errorf("%s, %v", out, err)
	}
	var told struct{ Problems []struct{ Rule string } }
	out, _ = bossCheck(t, file, "--json")
	if err := json.Unmarshal([]byte(out), &told); err != nil || len(told.Problems) != 1 || told.Problems[0].Rule != "path" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestBossCheckUsage(t *testing.T) {
	file := "../../deploy/boss/json.yaml"
	for _, args := range [][]string{
		{}, {"nowhere.yaml"}, {file, "--number", "13800000001"}, {file, "--try", "balance"}, {file, "--try", "balnce", "--number", "13800000001"},
		{file, "--try", "bill_by_month", "--number", "13800000001", "--typed", "month=2613"},
	} {
		var usage usageError
		if out, err := bossCheck(t, args...); !errors.As(err, &usage) {
			t.Errorf("%v: %s, %v", args, out, err)
		}
	}
}

// TestBossCheckTries asks a BOSS on a real socket by both examples.
func TestBossCheckTries(t *testing.T) {
	url, tokenFile, _ := bossServer(t)
	t.Setenv("BOSS_URL", url)
	t.Setenv("BOSS_TOKEN_FILE", tokenFile)
	for _, name := range []string{"json.yaml", "xml.yaml"} {
		file := filepath.Join("../../deploy/boss", name)
		out, err := bossCheck(t, file, "--try", "balance", "--number", "13800000005")
		if err != nil || !strings.Contains(out, "balance: success/confirmed after") || !strings.Contains(out, "100.00 yuan") {
			t.Errorf("%s, %v", out, err)
		}
		out, err = bossCheck(t, file, "--try", "number_home", "--number", "13800000005", "--typed", "phone=13800210000", "--json")
		var told bossChecked
		if jsonErr := json.Unmarshal([]byte(out), &told); err != nil || jsonErr != nil || told.Tried == nil || told.Tried.Values["region"].Word == "" {
			t.Errorf("%s, %v, %v", out, err, jsonErr)
		}
		out, err = bossCheck(t, file, "--try", "bill_by_month", "--number", "13800000005", "--typed", "month=1001")
		if exit := exitError(0); !errors.As(err, &exit) || !strings.Contains(out, "rejected/ineligible") {
			t.Errorf("%s, %v", out, err)
		}
	}
	t.Setenv("BOSS_URL", "http://127.0.0.1:1")
	out, err := bossCheck(t, "../../deploy/boss/json.yaml", "--try", "balance", "--number", "13800000005")
	if exit := exitError(0); !errors.As(err, &exit) || !strings.Contains(out, "no answer") || strings.Contains(out, "13800000005") {
		t.Errorf("%s, %v", out, err)
	}
}

// TestBossCheckNamesTheCode: the author is told which code his table lacks; without
// problems the list of them is empty, not null.
func TestBossCheckNamesTheCode(t *testing.T) {
	boss := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"code": "E401"}`) }))
	defer boss.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BOSS_URL", boss.URL)
	t.Setenv("BOSS_TOKEN_FILE", token)
	out, err := bossCheck(t, "../../deploy/boss/json.yaml", "--try", "balance", "--number", "13800000001", "--json")
	if exit := exitError(0); !errors.As(err, &exit) || exit != 1 || !strings.Contains(out, "code=E401") || !strings.Contains(out, `"problems":[]`) {
		t.Errorf("%s, %v", out, err)
	}
}
