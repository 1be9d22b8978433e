package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// recordingsFile is in the Snapshot for what is not: the studio's recordings, each by
// its hash, as sha256sum writes it. Another recording makes another version.
const recordingsFile = "prompts/recordings.sha256"

// recordings visits the plain files below recordings/ that are no YAML, by their names
// in the folder of the texts.
func recordings(texts string, visit func(name string, d fs.DirEntry) error) error {
	return fs.WalkDir(os.DirFS(texts), "recordings", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // went while we looked, or there are none
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular() && !isYAML(name):
			return visit(name, d)
		}
		return nil
	})
}

func isYAML(name string) bool { return slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) }

// readRecordings takes the hashes of the recordings into the Snapshot.
func (s *Snapshot) readRecordings(texts string, known *hashes) error {
	var list strings.Builder
	root, err := os.OpenRoot(texts)
	if err == nil {
		defer root.Close()
		err = recordings(texts, func(name string, _ fs.DirEntry) error {
			sum, err := known.of(root, filepath.FromSlash(name))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // there will be another Snapshot
			} else if err != nil {
				return err
			}
			mark := ""
			if escaped := lineSafe.Replace(name); escaped != name {
				mark, name = `\`, escaped
			}
			fmt.Fprintf(&list, "%s%s  %s\n", mark, sum, name)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("read the recordings in %s: %w", texts, err)
	}
	if list.Len() > 0 {
		s.files[recordingsFile] = list.String()
	}
	return nil
}

// sha256sum begins the line of a name that it had to change by a backslash.
var (
	lineSafe = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	lineRead = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// Recordings are the hashes of the studio's files that belong to the version, by their names
// in the folder of the texts: "recordings/zh/main.welcome.wav".
func (s *Snapshot) Recordings() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(s.files[recordingsFile]) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if plain, marked := strings.CutPrefix(sum, `\`); marked {
			sum, name = plain, lineRead.Replace(name)
		}
		all[name] = sum
	}
	return all
}

// Changed names the files that differ between two Snapshots, sorted; of nil, all.
func (s *Snapshot) Changed(from *Snapshot) []string {
	before, now := from.contents(), s.contents()
	changed := map[string]bool{}
	for name, content := range now {
		if old, there := before[name]; !there || old != content {
			changed[name] = true
		}
	}
	for name := range before {
		if _, there := now[name]; !there {
			changed[name] = true
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// contents are the files by name, recordings by their hashes.
func (s *Snapshot) contents() map[string]string {
	if s == nil {
		return nil
	}
	all := maps.Clone(s.files)
	delete(all, recordingsFile)
	for name, sum := range s.Recordings() {
		all[path.Join("prompts", name)] = sum
	}
	return all
}
