package build

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hotline/internal/prompts"
)

// Place makes a manifest the one that the audio folder is known by: the dialplan, and people,
// find each prompt under its plain name (zh/sys.failure.alaw), which leads to its present
// file. The files of other manifests stay (a sentence takes some 20 kB): calls that began with
// older menus play them, and older menus may be taken back.
func Place(audioDir string, m prompts.Manifest) error {
	err := func() error {
		for _, lang := range slices.Sorted(maps.Keys(m)) {
			if err := links(filepath.Join(audioDir, lang), m[lang]); err != nil {
				return err
			}
		}
		data, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(audioDir, prompts.ManifestFile), append(data, '\n')); err != nil {
			return err
		}
		return sweep(audioDir)
	}()
	if err != nil {
		return fmt.Errorf("place the audio in %s: %w", audioDir, err)
	}
	return nil
}

// links makes the plain names of a language lead to its files, and takes away those
// of prompts, or codecs, that there are no more.
func links(dir string, of map[string]prompts.Audio) error {
	wanted := map[string]bool{}
	for id, a := range of {
		name := id + "." + string(a.Codec)
		wanted[name] = true
		if err := link(filepath.Join(dir, name), path.Base(a.File)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink || wanted[e.Name()] || strings.HasPrefix(e.Name(), halfWritten) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return sweep(dir)
}

// link makes a name lead to a file beside it, at once.
func link(name, to string) error {
	if there, err := os.Readlink(name); err == nil && there == to {
		return nil
	}
	fresh := filepath.Join(filepath.Dir(name), halfWritten+rand.Text())
	if err := os.Symlink(to, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, name)
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
