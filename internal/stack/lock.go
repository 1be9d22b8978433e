package stack

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// errHeld says that another process has the lock.
var errHeld = errors.New("held by another process")

// The two ways to hold a lock.
const (
	exclusive = syscall.LOCK_EX
	shared    = syscall.LOCK_SH
)

// lock is a lock on a file that the kernel gives back when the holder dies, so that
// there are no stale ones.
type lock struct {
	file  *os.File
	owner string // with errHeld: who has it, as "pid 123"
}

// acquire takes the lock or fails at once with errHeld.
func acquire(path string, how int) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		owner, _ := os.ReadFile(path) // best effort: it is only told
		return &lock{owner: strings.TrimSpace(string(owner))}, errHeld
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	if how == exclusive {
		if err := file.Truncate(0); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if _, err := fmt.Fprintf(file, "pid %d\n", os.Getpid()); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return &lock{file: file}, nil
}

// release gives the lock back by closing the file; the file stays, as removing it would
// let two others lock two different files of that name. A nil lock is none.
func (l *lock) release() {
	if l != nil && l.file != nil {
		l.file.Close()
	}
}
