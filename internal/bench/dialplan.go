package bench

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
)

// The extensions of the context from-dialtest that Dialplan defines. They are words,
// so that no caller's number can be one of them.
const (
	nativeExten = "bench-native"
	mediaExten  = "bench-media"
)

//go:embed native.conf
var nativeConf string

var nativeTemplate = template.Must(template.New("native.conf").Parse(nativeConf))

// Dialplan writes the script as menus of Asterisk's own dialplan (Background and
// WaitExten), and as its audio alone (Playback), for a file of extensions.d.
func (s *Script) Dialplan() (string, error) {
	type key struct{ Key, To string }
	type menu struct {
		Number int
		Files  string
		Keys   []key
	}
	var data = struct {
		Native, Media string
		Menus         []menu
	}{nativeExten, mediaExten, nil}
	for i, said := range s.Says {
		m := menu{Number: i}
		for _, file := range said.Files {
			// The dialplan has no quotes for these.
			if strings.ContainsAny(file, "&,;|${}[]()\"' \n") {
				return "", fmt.Errorf("the path %s has a character in it that a dialplan reads as its own", file)
			}
		}
		m.Files = strings.Join(said.Files, "&")
		for _, k := range said.Keys {
			to := ""
			if i < len(s.Keys) && k == s.Keys[i:i+1] {
				to = fmt.Sprint(i + 1)
			}
			m.Keys = append(m.Keys, key{k, to})
		}
		// A key that only a menu above knows, as during an introduction.
		if i < len(s.Keys) && !slices.Contains(said.Keys, s.Keys[i:i+1]) {
			m.Keys = append(m.Keys, key{s.Keys[i : i+1], fmt.Sprint(i + 1)})
		}
		data.Menus = append(data.Menus, m)
	}
	var b strings.Builder
	if err := nativeTemplate.Execute(&b, data); err != nil {
		return "", fmt.Errorf("write the native menus: %w", err)
	}
	return b.String(), nil
}
