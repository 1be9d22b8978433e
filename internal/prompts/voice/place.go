package voice

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"hotline/internal/prompts"
)

// place puts the recordings into the audio folder, then the manifest, then takes
// away what no prompt says any more. A call that is playing a file which is
// replaced or removed keeps the old one open and plays it to its end.
func place(dir string, all []recording) error {
	manifest := prompts.Manifest{}
	for i := range all {
		r := &all[i]
		if manifest[r.lang] == nil {
			manifest[r.lang] = map[string]prompts.Audio{}
			if err := os.MkdirAll(filepath.Join(dir, r.lang), 0o755); err != nil {
				return err
			}
		}
		a := prompts.Audio{File: path.Join(r.lang, r.ID+".alaw"), MS: r.ms(), Text: r.Text}
		manifest[r.lang][r.ID] = a
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(a.File)), r.sound); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	old, err := listed(dir)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, prompts.ManifestFile), append(data, '\n')); err != nil {
		return err
	}
	return removeOthers(dir, manifest, old)
}

// listed gives the languages of the manifest that is there now. One that cannot be
// read lists none: it is about to be replaced by a good one.
func listed(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, prompts.ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var m prompts.Manifest
	if json.Unmarshal(data, &m) != nil {
		return nil, nil
	}
	var langs []string
	for lang := range m {
		if !strings.ContainsAny(lang, `./\`) {
			langs = append(langs, lang)
		}
	}
	return langs, nil
}

// removeOthers deletes the audio of removed prompts. It looks only into folders of
// languages that Build has made itself.
func removeOthers(dir string, now prompts.Manifest, before []string) error {
	langs := before
	for lang := range now {
		langs = append(langs, lang)
	}
	for _, lang := range langs {
		files, err := filepath.Glob(filepath.Join(dir, lang, "*.alaw"))
		if err != nil {
			return err
		}
		for _, file := range files {
			id := strings.TrimSuffix(filepath.Base(file), ".alaw")
			if _, wanted := now[lang][id]; wanted {
				continue
			}
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := sweep(filepath.Join(dir, lang)); err != nil {
			return err
		}
		if now[lang] == nil {
			_ = os.Remove(filepath.Join(dir, lang)) // stays where someone else keeps a file in it
		}
	}
	return sweep(dir)
}

// sweep deletes what a build that was killed left half written. What is young may
// belong to a build that runs beside this one.
func sweep(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, halfWritten+"*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// halfWritten begins the name of a file that is being written.
const halfWritten = ".new-"

// writeFile replaces a file as a whole or not at all. One that holds the same
// bytes already is left alone. Asterisk reads as another user, hence the mode.
func writeFile(file string, data []byte) (err error) {
	if same, readErr := os.ReadFile(file); readErr == nil && bytes.Equal(same, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), halfWritten)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
