package releases

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"hotline/internal/prompts"
)

// Sounds is an audio folder: files that are named by what is in them. What is there
// is never changed, except where it is damaged.
type Sounds struct {
	dir   string
	known hashes
}

// NewSounds takes a folder, which is made when the first sound is put there.
func NewSounds(dir string) *Sounds { return &Sounds{dir: dir} }

// Open reads a file as a manifest names it.
func (s *Sounds) Open(file string) ([]byte, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, fmt.Errorf("read a sound: %w", err)
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.FromSlash(file))
	if err != nil {
		return nil, fmt.Errorf("read a sound: %w", err)
	}
	return data, nil
}

// Missing lists the sounds of a manifest that are not in the folder, and those of which
// other bytes are.
func (s *Sounds) Missing(m prompts.Manifest) (absent, damaged []prompts.Audio, err error) {
	all := sounds(m)
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("look which sounds are there: %w", err)
	}
	defer root.Close()
	for _, a := range all {
		switch hash, err := s.known.of(root, filepath.FromSlash(a.File)); {
		case errors.Is(err, fs.ErrNotExist):
			absent = append(absent, a)
		case err != nil || hash != a.SHA256: // what cannot be read is replaced too
			damaged = append(damaged, a)
		}
	}
	return absent, damaged, nil
}

// Put writes a sound, whole or not at all. Asterisk reads as another user.
func (s *Sounds) Put(a prompts.Audio, content []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("put a sound into %s: %w", s.dir, err)
		}
	}()
	if prompts.Hash(content) != a.SHA256 {
		return fmt.Errorf("%s: %w", a.File, ErrDamaged)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	file := filepath.FromSlash(a.File)
	if err := root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	fresh := filepath.FromSlash(path.Join(path.Dir(a.File), ".new-"+rand.Text())) // swept by a later build, if this is the end
	if err = root.WriteFile(fresh, content, 0o644); err == nil {
		err = root.Rename(fresh, file)
	}
	if err != nil {
		_ = root.Remove(fresh) // on a full disk it would take the room that is made
	}
	return err
}

// Completed is what Complete has done.
type Completed struct {
	Sounds  int // that were put
	Bytes   int64
	Damaged int // of those that were there
}

// Complete fetches from Postgres what the folder lacks of a manifest, and what is damaged.
func (s *Sounds) Complete(ctx context.Context, from *Store, m prompts.Manifest) (done Completed, err error) {
	absent, damaged, err := s.Missing(m)
	if err != nil {
		return done, err
	}
	done.Damaged = len(damaged)
	err = from.Fetch(ctx, append(absent, damaged...), func(a prompts.Audio, content []byte) error {
		done.Sounds++
		done.Bytes += int64(len(content))
		return s.Put(a, content)
	})
	return done, err
}
