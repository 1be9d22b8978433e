package bossd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hotline/internal/orders"
	"hotline/internal/orders/sandbox"
)

// Effect is one line of the ledger file: an order that was carried out.
type Effect struct {
	Key     string        `json:"key"`
	Ref     string        `json:"ref"`
	MSISDN  string        `json:"msisdn"` // masked
	Service string        `json:"service"`
	Action  orders.Action `json:"action"`
	Price   orders.Money  `json:"price_fen"` // that was agreed to
	At      time.Time     `json:"at"`        // in Postgres, UTC
}

func effect(e sandbox.Entry) Effect {
	return Effect{e.Key, e.BossRef, e.Caller.String(), e.Service, e.Action, e.Price, e.At.UTC()}
}

// ledger is the file of effects: one line of JSON each, appended and fsynced. It is the
// auditor's own copy; what acts once is decided in Postgres.
type ledger struct {
	mu    sync.Mutex
	file  *os.File
	end   int64 // of the last whole line, known to be on disk
	known map[string]bool
}

// openLedger opens or makes the file, which one process may have at a time. What a
// kill has left of a last line is cut off; any other line that is none is an
// error, as somebody has then written in it who should not have.
func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l := &ledger{file: file, known: map[string]bool{}}
	err = l.read()
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), file.Close())
	}
	return l, nil
}

// syncFolder has a file that was just made found again after a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (l *ledger) read() error {
	if err := unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another `ivr boss` has it (%w): stop that, or choose another file with --ledger", err)
	}
	all, err := io.ReadAll(l.file)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(all[l.end:], []byte("\n"))
		var e Effect
		if !whole || json.Unmarshal(line, &e) != nil || e.Key == "" {
			// A torn write may leave any bytes, a line break among them, but nothing after it.
			if len(bytes.TrimRight(rest, "\x00")) > 0 {
				return fmt.Errorf("line %d is no entry, and others follow it: move the file away, a new one is made from Postgres", n)
			}
			break
		}
		l.known[e.Key] = true
		l.end += int64(len(line)) + 1
	}
	return l.restore()
}

// restore cuts off what is behind the last whole line.
func (l *ledger) restore() error {
	if err := l.file.Truncate(l.end); err != nil {
		return err
	}
	return l.file.Sync()
}

// record has the effect on disk when it returns nil. An effect that is there already
// is not written again: a key acts once.
func (l *ledger) record(e Effect) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[e.Key] {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err = l.file.WriteAt(line, l.end); err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		// Half a line in the middle would make the file unreadable.
		return fmt.Errorf("write an effect to the ledger: %w", errors.Join(err, l.restore()))
	}
	l.end += int64(len(line))
	l.known[e.Key] = true
	return nil
}

// has tells whether a key is on disk.
func (l *ledger) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[key]
}

// content is what is on disk now. Later lines do not change it.
func (l *ledger) content() io.Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.NewSectionReader(l.file, 0, l.end)
}

func (l *ledger) close() error { return l.file.Close() }
