// Package releases keeps every version of the menus and their texts that was ever
// published, with the sounds that it is heard with, and knows which of them is live: a
// Snapshot is the files of one moment, the Store has them in Postgres, Sounds are a server's
// audio folder, and a Keeper lets one server follow its folder and what is published elsewhere.
//
//	save -> Check -> Load (makes sounds) -> Stage -> Ready -> GoLive -> publish
//	published elsewhere -> Open, Manifest -> fetch sounds -> Load -> Ready -> GoLive
//
// It refuses to know what menus are, or how sounds are made: loading and checking are func
// values, and whatever they refuse never becomes live.
package releases

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is all that callers are served with, as it was at one moment: the files
// of the menus and of the texts. It does not change.
type Snapshot struct {
	Release string // its name: 12 hexadecimal digits of the hash of all its content
	Only    string // the one menu file that is meant; "" is every menu of the folder

	files map[string]string // content by name: "menus/10086.yaml", "prompts/zh.yaml"
	zip   *zip.Reader
	data  []byte // of the zip
}

// tooLarge is more than any menus have: the setting leads to the wrong folder.
const tooLarge = 16 << 20

// Take reads the menus (a folder, or one file in a folder) and the folder of the
// texts: what ends in .yaml or .yml, in folders below too, but nothing hidden, since
// editors keep their copies so. Recordings are in it by their hashes. A file that comes or
// goes meanwhile shows in the next Snapshot.
func Take(menus, texts string) (*Snapshot, error) { return take(menus, texts, &hashes{}) }

// take is Take for one who has looked before.
func take(menus, texts string, known *hashes) (*Snapshot, error) {
	s := &Snapshot{files: map[string]string{}}
	info, err := os.Stat(menus)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no menus at %s: name a menu's file or a folder of menus", menus)
	} else if err != nil {
		return nil, fmt.Errorf("read the menus: %w", err)
	}
	if !info.IsDir() {
		s.Only = filepath.Base(menus)
	}
	for as, dir := range folders(menus, texts) {
		if err := s.read(as, dir); err != nil {
			return nil, err
		}
	}
	if err := s.readRecordings(texts, known); err != nil {
		return nil, err
	}
	return s, s.seal()
}

// folders are where the files of a Snapshot are, by the first part of their names.
func folders(menus, texts string) map[string]string {
	if info, err := os.Stat(menus); err == nil && !info.IsDir() {
		menus = filepath.Dir(menus)
	}
	return map[string]string{"menus": menus, "prompts": texts}
}

// read takes the files of a folder into the Snapshot.
func (s *Snapshot) read(as, dir string) error {
	total := 0
	err := walk(dir, func(name string, _ fs.DirEntry) error {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor has just replaced it: there will be another Snapshot
		}
		if total += len(data); total > tooLarge {
			return fmt.Errorf("the .yaml files have more than %d MB: is this the right folder?", tooLarge>>20)
		}
		s.files[path.Join(as, name)] = string(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the files in %s: %w", dir, err)
	}
	return nil
}

// walk visits the files of a folder that belong to a Snapshot, by their names within it.
func walk(dir string, visit func(name string, d fs.DirEntry) error) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != ".":
			return nil // went while we looked
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && isYAML(name):
			return visit(name, d)
		}
		return nil
	})
}

// seal packs the files and names them by their content.
func (s *Snapshot) seal() error {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	w.SetComment(s.Only)
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", s.Only)
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		f, err := w.Create(name)
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := io.WriteString(f, s.files[name]); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%q %d\n%s", name, len(s.files[name]), s.files[name])
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack the menus: %w", err)
	}
	s.data = packed.Bytes()
	s.Release = hex.EncodeToString(sum.Sum(nil))[:12]
	var err error
	s.zip, err = zip.NewReader(bytes.NewReader(s.data), int64(len(s.data)))
	return err
}

// unpack is the Snapshot that was sealed into data.
func unpack(data []byte) (*Snapshot, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("unpack the menus: %w", err)
	}
	s := &Snapshot{Only: r.Comment, files: map[string]string{}}
	for _, f := range r.File {
		text, err := fs.ReadFile(r, f.Name)
		if err != nil {
			return nil, fmt.Errorf("unpack the menus: %w", err)
		}
		s.files[f.Name] = string(text)
	}
	return s, s.seal()
}

// Menus are the files of the menus, as they stood in their folder.
func (s *Snapshot) Menus() fs.FS { return s.sub("menus") }

// Texts are the files of the texts.
func (s *Snapshot) Texts() fs.FS { return s.sub("prompts") }

// Files are all of them: menus/… and prompts/….
func (s *Snapshot) Files() fs.FS { return s.zip }

// Len is how many files that are.
func (s *Snapshot) Len() int { return len(s.files) }

func (s *Snapshot) sub(dir string) fs.FS {
	if !slices.ContainsFunc(s.zip.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, dir+"/") }) {
		return none{}
	}
	sub, err := fs.Sub(s.zip, dir)
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return sub
}

// none is a folder without files: a zip has no empty folders.
type none struct{}

func (none) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
