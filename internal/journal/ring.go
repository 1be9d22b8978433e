package journal

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ring is what a key file holds.
type ring struct {
	hash   []byte
	keys   map[byte]cipher.AEAD // by id
	newest byte
}

func (r *ring) mac(number string) []byte {
	mac := hmac.New(sha256.New, r.hash)
	mac.Write([]byte(number))
	return mac.Sum(nil)
}

// fingerprint tells hash keys apart and nothing about them.
func (r *ring) fingerprint() []byte { return r.mac("fingerprint of the hash key")[:8] }

// parseRing reads a key file: a line of 64 hexadecimal digits, the root of the hash key
// and of encryption key 0, then a line "ID DIGITS" for each further key, ids from 1
// to 255 upwards. The text of the file is the secret: no error quotes any of it.
func parseRing(data []byte) (*ring, error) {
	r := &ring{keys: map[byte]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		digits, id := words[len(words)-1], 0
		if r.hash != nil {
			var err error
			if id, err = strconv.Atoi(words[0]); err != nil || len(words) != 2 || id <= int(r.newest) || id > 255 {
				return nil, fmt.Errorf("line %d is not of the form ID DIGITS with an id from %d to 255", n, int(r.newest)+1)
			}
		} else if len(words) != 1 {
			return nil, fmt.Errorf("line %d: the first key stands without an id", n)
		}
		key, err := hex.DecodeString(digits)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("line %d does not hold 32 bytes in hexadecimal (64 digits)", n)
		}
		if r.hash == nil {
			r.hash = derive([32]byte(key), "hash")
		}
		r.newest = byte(id)
		r.keys[r.newest] = newAEAD(derive([32]byte(key), "encrypt"))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if r.hash == nil {
		return nil, errors.New("it does not hold 32 bytes in hexadecimal (64 digits)")
	}
	return r, nil
}

// AddKey adds a new random key to a key file, which then encrypts, and gives its id. The file is
// replaced whole: a reader sees the old or the new one.
func AddKey(file string) (id int, err error) {
	sealer, err := ReadSealer(file)
	if err != nil {
		return 0, err
	}
	if id = sealer.Newest() + 1; id > 255 {
		return 0, fmt.Errorf("add a key to %s: it has had 255, which is all that there can be", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("add a key: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	data = fmt.Appendf(bytes.TrimRight(data, "\n"), "\n%d %x\n", id, key)
	if err := replace(file, data); err != nil {
		return 0, fmt.Errorf("add a key to %s: %w", file, err)
	}
	return id, nil
}

// replace puts data in the place of a file, durably and readable for its owner alone.
func replace(file string, data []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(file), ".keys-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // no longer there once it is renamed
	_, err = next.Write(data)
	err = errors.Join(err, next.Chmod(info.Mode().Perm()), keepOwner(next, info), next.Sync(), next.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next.Name(), file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// keepOwner gives a file the owner of another: who rotates as root must not take the
// keys from the server that runs as somebody else.
func keepOwner(f *os.File, like os.FileInfo) error {
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
