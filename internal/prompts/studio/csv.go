package studio

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// CSV is the sheet of one language for a spreadsheet: RFC 4180, UTF-8. The byte order
// mark tells spreadsheets so, which else show Chinese as noise; and what could be taken
// for a formula is made text (OWASP, CSV injection): texts are written by many hands.
func (s *Sheet) CSV(lang string, zone *time.Location) ([]byte, error) {
	w := inLanguage(lang)
	var b bytes.Buffer
	b.WriteString("\ufeff")
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	h := w.columns
	lines := [][]string{{h.number, h.id, h.file, h.text, h.say, h.context, h.seconds, h.state, w.recorded, w.checked}}
	for i, r := range s.Of(lang) {
		lines = append(lines, []string{strconv.Itoa(i + 1), r.ID, r.File, r.Text, strings.Join(w.how(r), "\n"),
			strings.Join(w.where(r), "\n"), w.most(r), strings.Join(w.state(r, zone), "\n"), "", ""})
	}
	for _, line := range lines {
		for i := range line {
			line[i] = harmless(line[i])
		}
		if err := out.Write(line); err != nil {
			return nil, fmt.Errorf("write the sheet: %w", err)
		}
	}
	out.Flush()
	return b.Bytes(), out.Error()
}

// harmless keeps a cell from being calculated: also by the wide signs that spreadsheets
// of East Asia take for the narrow ones.
func harmless(cell string) string {
	if strings.ContainsAny(cell[:min(len(cell), 1)], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") ||
		strings.HasPrefix(cell, "＋") || strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠") {
		return "'" + cell
	}
	return cell
}

// how is how a row is to be said.
func (w *wording) how(r Row) (lines []string) {
	if r.Note != "" {
		lines = append(lines, r.Note)
	}
	if r.Voice != "" {
		lines = append(lines, fmt.Sprintf(w.voice, r.Voice))
	}
	if len(r.Joined) > 0 {
		lines = append(lines, w.fragment)
	}
	return lines
}

// where is where it is said, and how a fragment is joined.
func (w *wording) where(r Row) []string {
	lines := append(append([]string{}, r.Joined...), r.Context...)
	if r.More > 0 {
		lines = append(lines, fmt.Sprintf(w.more, r.More))
	}
	if len(lines) == 0 {
		lines = append(lines, w.outside)
	}
	return lines
}

func (w *wording) most(r Row) string {
	if r.Seconds == 0 {
		return ""
	}
	return fmt.Sprintf(w.seconds, r.Seconds)
}

// state is how it stands, and what is due.
func (w *wording) state(r Row, zone *time.Location) []string {
	lines := []string{w.states[r.State]}
	switch {
	case r.State == Changed:
		lines = append(lines, fmt.Sprintf(w.was, r.Why))
	case r.Why != "":
		lines = append(lines, r.Why)
	}
	if r.Due != nil {
		lines = append(lines, fmt.Sprintf(w.due, r.Notice, r.Due.In(zone).Format("2006-01-02 15:04")))
	}
	return lines
}
