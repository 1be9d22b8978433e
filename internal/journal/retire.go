package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrKeyInUse says that a key may not be taken out of the key file yet.
var ErrKeyInUse = errors.New("the key is in use")

// reloaded is how long after a change every server has read the key file again, with room to
// spare: until then one may still encrypt with the key before.
const reloaded = time.Minute

// RetireKey takes an encryption key out of a key file for good, once nothing is encrypted with
// it: no number in Postgres and none in the spool, a folder ("": there is none). Everything else is
// refused with ErrKeyInUse, as what is lost with a key cannot be read again. The newest key
// encrypts, and key 0 is made of the file's first line, which stays: neither can be retired.
func RetireKey(ctx context.Context, pool *pgxpool.Pool, file, spool string, id int) error {
	if err := retirable(ctx, pool, file, spool, id); err != nil {
		return fmt.Errorf("retire key %d of %s: %w", id, file, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("retire key %d: %w", id, err)
	}
	var left []byte
	for line := range bytes.Lines(data) {
		if words := strings.Fields(string(line)); len(words) == 2 && words[0] == strconv.Itoa(id) {
			continue
		}
		left = append(left, line...)
	}
	if r, err := parseRing(left); err != nil || r.keys[byte(id)] != nil {
		return fmt.Errorf("retire key %d of %s: its line is not found; take it out by hand", id, file)
	}
	if err := replace(file, left); err != nil {
		return fmt.Errorf("retire key %d of %s: %w", id, file, err)
	}
	return nil
}

// retirable tells why a key may not go.
func retirable(ctx context.Context, pool *pgxpool.Pool, file, spool string, id int) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	s, err := ReadSealer(file)
	if err != nil {
		return err
	}
	if err := CheckKey(ctx, pool, s); err != nil {
		return err
	}
	switch {
	case id == 0:
		return fmt.Errorf("%w: it is made of the first line, which stays, as numbers are found by it", ErrKeyInUse)
	case id < 0 || id > 255 || s.ring.Load().keys[byte(id)] == nil:
		return errors.New("there is no such key; 'ivr keys status' tells which there are")
	case id == s.Newest():
		return fmt.Errorf("%w: it is the newest, which encrypts; run 'ivr keys rotate' first", ErrKeyInUse)
	case time.Since(info.ModTime()) < reloaded:
		return fmt.Errorf("%w: the file was changed less than a minute ago, and a server may still encrypt as before; try again later", ErrKeyInUse)
	}
	// The spool first: what leaves it while we look is in Postgres then.
	if in, err := spooledUnder(spool, byte(id)); err != nil || in != "" {
		return errors.Join(err, inSpool(in))
	}
	uses, err := KeyUses(ctx, pool, s)
	for _, u := range uses {
		if u.Key == id {
			err = errors.Join(err, fmt.Errorf("%w: %d numbers of %s are encrypted with it; run 'ivr keys reseal' first", ErrKeyInUse, u.Numbers, u.Table))
		}
	}
	return err
}

func inSpool(name string) error {
	if name == "" {
		return nil
	}
	return fmt.Errorf("%w: %s has steps with numbers that are encrypted with it, on their way to Postgres; "+
		"try again when the server has delivered them and begun another segment (at its next start at the latest)", ErrKeyInUse, name)
}

// spooledUnder gives a file of the spool that has a number under a key; "" if none has. What is
// delivered already does not count; what was set aside does, as people may deliver it.
func spooledUnder(dir string, id byte) (string, error) {
	if dir == "" {
		return "", nil
	}
	entries, err := os.ReadDir(dir) // one that is not there may be a wrong path
	if err != nil {
		return "", fmt.Errorf("look into the spool: %w", err)
	}
	done, _ := readCheckpoint(dir) // without one nothing counts as delivered
	mark := fmt.Appendf(nil, `"enc":"%02x%02x`, sealedVersion, id)
	for _, e := range entries {
		number, isSegment := strings.CutSuffix(e.Name(), segmentSuffix)
		n, err := strconv.ParseUint(number, 10, 64)
		isSegment = isSegment && err == nil
		if !e.Type().IsRegular() || isSegment && n < done.segment {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) { // delivered, and removed
			continue
		}
		if err != nil {
			return "", fmt.Errorf("look into the spool: %w", err)
		}
		if isSegment && n == done.segment {
			data = data[min(done.offset, int64(len(data))):]
		}
		if bytes.Contains(data, mark) {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", nil
}
