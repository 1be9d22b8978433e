package studio

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// line is a row as it is printed.
type line struct {
	Number            int
	Row               Row
	How, Where, State []string
	Most              string
	Urgent            bool
}

// HTML is the sheet of one language to print: one file without anything from elsewhere,
// for A4, with its head on every page and boxes to tick.
func (s *Sheet) HTML(lang string, zone *time.Location) ([]byte, error) {
	w := inLanguage(lang)
	var lines []line
	for i, r := range s.Of(lang) {
		lines = append(lines, line{i + 1, r, w.how(r), w.where(r), w.state(r, zone), w.most(r), r.Due != nil})
	}
	asked := w.first
	switch {
	case s.Every:
		asked = w.every
	case s.Since > 0:
		asked = fmt.Sprintf(w.since, s.Since)
	}
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"Lang":  lang,
		"Title": fmt.Sprintf(w.title, s.Number, lang, s.At.In(zone).Format("2006-01-02 15:04"), len(lines)),
		"Intro": w.intro + blank(lang) + asked,
		"Head":  []string{w.columns.number, w.columns.id, w.columns.text, w.columns.say, w.columns.context, strings.TrimSpace(w.columns.seconds), w.columns.state},
		"Ticks": []string{w.recorded, w.checked},
		"Lines": lines,
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return b.Bytes(), nil
}
