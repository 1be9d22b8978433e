package releases

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// hashes remembers what files contain for as long as they are the same files, so that
// nobody reads 140 MB again because of one of them. It may be asked by several at once.
type hashes struct {
	mu    sync.Mutex
	known map[string]hashed // by name
}

type hashed struct{ identity, sha256 string }

// restless is how young a file is that may still change without another identity: the
// clock of file systems ticks every few milliseconds.
const restless = 100 * time.Millisecond

// of gives the SHA-256 of a plain file in a folder, hexadecimal.
func (h *hashes) of(dir *os.Root, name string) (string, error) {
	info, err := dir.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no plain file", name)
	}
	h.mu.Lock()
	before := h.known[name]
	h.mu.Unlock()
	if before.sha256 != "" && before.identity == identity(info) {
		return before.sha256, nil
	}
	// What has just become a pipe must not be waited for.
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	now := hashed{identity(info), hex.EncodeToString(sum.Sum(nil))}
	if changed, known := changedAt(info); !known || time.Since(changed) > restless {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.known == nil {
			h.known = map[string]hashed{}
		}
		h.known[name] = now
	}
	return now.sha256, nil
}
