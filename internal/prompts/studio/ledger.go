package studio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The notes are no .yaml: what a sheet asks for is not heard by callers, and would make
// another version of the menus at every sheet.
const (
	ledgerDir   = "studio"
	refusedFile = "refused.json"
)

var sheetFile = regexp.MustCompile(`^sheet-([0-9]{4,})\.json$`)

// asked is that a sheet has asked for a text.
type asked struct {
	sheet int
	at    time.Time
	text  string
}

// refusal is that a file was refused.
type refusal struct {
	At   time.Time `json:"at"`
	File string    `json:"file"` // as the studio named it
	Why  []string  `json:"why"`
}

func (r refusal) why() string { return strings.Join(r.Why, "; ") }

// noted is a sheet as it is noted: what was asked for, by language and id.
type noted struct {
	Sheet   int                          `json:"sheet"`
	At      time.Time                    `json:"at"`
	Prompts map[string]map[string]string `json:"prompts"`
}

// ledger is what the studio was asked for, and what was refused.
type ledger struct {
	sheets   []noted
	asked    map[string]map[string]asked // the last time
	refusals map[string]map[string]refusal
}

func (l *ledger) last() int {
	if len(l.sheets) == 0 {
		return 0
	}
	return l.sheets[len(l.sheets)-1].Sheet
}

// readLedger reads the notes of the prompts' folder; without any there are none.
func readLedger(fsys fs.FS) (*ledger, error) {
	l := &ledger{asked: map[string]map[string]asked{}, refusals: map[string]map[string]refusal{}}
	files, err := fs.ReadDir(fsys, ledgerDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the notes of the sheets: %w", err)
	}
	for _, f := range files { // in the order of their names, which is that of the sheets
		if !sheetFile.MatchString(f.Name()) {
			continue
		}
		var n noted
		if err := readJSON(fsys, path.Join(ledgerDir, f.Name()), &n); err != nil {
			return nil, err
		}
		l.sheets = append(l.sheets, n)
		for lang, texts := range n.Prompts {
			if l.asked[lang] == nil {
				l.asked[lang] = map[string]asked{}
			}
			for id, text := range texts {
				l.asked[lang][id] = asked{n.Sheet, n.At, text}
			}
		}
	}
	err = readJSON(fsys, path.Join(ledgerDir, refusedFile), &l.refusals)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return l, nil
}

func readJSON(fsys fs.FS, file string, to any) error {
	data, err := fs.ReadFile(fsys, file)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		return fmt.Errorf("read the studio's notes in %s: %w", file, err)
	}
	return nil
}

// note keeps that a sheet asks for these texts. Two who make one at the same time do not
// overwrite each other.
func (n noted) note(folder string) error {
	dir := filepath.Join(folder, ledgerDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("note the sheet: %w", err)
	}
	name := "sheet-" + pad(n.Sheet) + ".json"
	data, err := encode(n)
	if err != nil {
		return fmt.Errorf("note the sheet: %w", err)
	}
	f, err := os.CreateTemp(dir, ".sheet-*")
	if err != nil {
		return fmt.Errorf("note the sheet: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("note the sheet: %w", err)
	}
	// A link is not made where there is one already, as a rename would be.
	if err := os.Link(f.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("note the sheet (somebody may have made one just now; try again): %w", err)
	}
	return nil
}

func pad(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 4-len(s))) + s
}

// encode writes notes for people and for version control: sorted, a line for each.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return []byte(b.String()), err
}
