package voice

import (
	"bytes"
	"crypto/rand"
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
// away the names of prompts that there are no more. The recordings themselves stay
// (a sentence takes some 20 kB): calls that began with older menus play them, and
// older menus may be taken back.
func place(dir string, all []recording) error {
	old, err := listed(dir)
	if err != nil {
		return err
	}
	manifest := prompts.Manifest{}
	for i := range all {
		r := &all[i]
		if manifest[r.lang] == nil {
			manifest[r.lang] = map[string]prompts.Audio{}
			if err := os.MkdirAll(filepath.Join(dir, r.lang), 0o755); err != nil {
				return err
			}
		}
		a := r.audio()
		manifest[r.lang][r.ID] = a
		if r.kept.File == "" {
			if err := writeFile(filepath.Join(dir, filepath.FromSlash(a.File)), r.sound); err != nil {
				return err
			}
		}
		if err := link(dir, path.Join(r.lang, r.ID+".alaw"), a, old[r.lang][r.ID]); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, prompts.ManifestFile), append(data, '\n')); err != nil {
		return err
	}
	return removeOthers(dir, manifest, old)
}

// link makes a prompt's plain name lead to its present recording: the dialplan, and
// people, know no other. A recording that had the plain name itself keeps one by
// what it says.
func link(dir, name string, now, before prompts.Audio) error {
	if name == now.File {
		return nil
	}
	at := filepath.Join(dir, filepath.FromSlash(name))
	to := path.Base(now.File)
	if path.Dir(name) != path.Dir(now.File) {
		to = filepath.Join(dir, filepath.FromSlash(now.File))
	}
	if there, err := os.Readlink(at); err == nil && there == to {
		return nil
	}
	if info, err := os.Lstat(at); err == nil && info.Mode().IsRegular() && before.File == name {
		lang, id := path.Dir(name), strings.TrimSuffix(path.Base(name), ".alaw")
		if err := os.Rename(at, filepath.Join(dir, filepath.FromSlash(prompts.AudioFile(lang, id, before.Text)))); err != nil {
			return err
		}
	}
	fresh := filepath.Join(filepath.Dir(at), halfWritten+rand.Text())
	if err := os.Symlink(to, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, at)
}

// listed gives the manifest that is there now. One that cannot be read lists
// nothing: it is about to be replaced by a good one.
func listed(dir string) (prompts.Manifest, error) {
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
	return m, nil
}

// removeOthers deletes the plain names of removed prompts. It looks only into
// folders of languages that Build has made itself.
func removeOthers(dir string, now, before prompts.Manifest) error {
	langs := map[string]bool{}
	for _, m := range []prompts.Manifest{now, before} {
		for lang := range m {
			langs[lang] = !strings.ContainsAny(lang, `./\`)
		}
	}
	for lang, ours := range langs {
		if !ours {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, lang, "*.alaw"))
		if err != nil {
			return err
		}
		for _, file := range files {
			id := strings.TrimSuffix(filepath.Base(file), ".alaw")
			_, wanted := now[lang][id]
			if named := strings.Contains(id, "-"); wanted || named { // by what it says: no id has a '-'
				continue
			}
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := sweep(filepath.Join(dir, lang)); err != nil {
			return err
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
		info, err := os.Lstat(file)
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
