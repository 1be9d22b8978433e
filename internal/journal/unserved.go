package journal

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"hotline/internal/orders"
)

// The PBX's own record has a line a call, with these columns (cdr_custom.conf).
const (
	cdrCallID = iota
	cdrUniqueID
	cdrStart // seconds since 1970, with a fraction
	_        // answer
	_        // end
	cdrCaller
	cdrDialled
	cdrOutcome
	cdrTest
	cdrReason // of a refusal; records from before there was one end before it
	cdrColumns
)

// reasons are those of ivr.unserved.
var reasons = []string{"full", "rate", "unnamed", "number_live", "number_minute", "number_hour", "stopping", "other"}

// cdrChunk is how much of the file is imported in one go.
const cdrChunk = 1 << 20

// ImportUnserved takes the calls that no server got out of the PBX's record: those
// for which the fallback was played, and those that were refused. It goes on where
// it stopped the last time, also when the file has been rotated since; a file that
// was cut short is read from its begin, which is harmless. It gives how many calls
// were new. A PBX that has not written any record yet is no error.
func (j *Journal) ImportUnserved(ctx context.Context, file string) (int, error) {
	mark := readMark(j.markFile())
	total := 0
	for {
		f, err := openAt(file, &mark)
		if errors.Is(err, fs.ErrNotExist) {
			return total, nil
		}
		if err != nil {
			return total, fmt.Errorf("open the PBX's record: %w", err)
		}
		n, rest, err := j.importChunk(ctx, f, &mark)
		f.Close()
		total += n
		if err != nil {
			return total, fmt.Errorf("import the PBX's record %s: %w", file, err)
		}
		if err := mark.write(j.markFile()); err != nil {
			return total, err
		}
		if rest {
			continue
		}
		if mark.inode == inodeOf(file) {
			return total, nil
		}
		mark = cdrMark{} // the rotated file is done
	}
}

// importChunk stores what whole lines there are from mark on; rest says that there are more.
func (j *Journal) importChunk(ctx context.Context, f io.ReaderAt, mark *cdrMark) (stored int, rest bool, err error) {
	buf := make([]byte, cdrChunk)
	n, err := f.ReadAt(buf, mark.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	whole := bytes.LastIndexByte(buf[:n], '\n') + 1
	if whole == 0 {
		return 0, false, nil // the PBX is still writing the line
	}
	for line := range bytes.Lines(buf[:whole]) {
		u, ok, err := parseCDR(line)
		if err != nil {
			j.log.Warn("line of the PBX's record passed over", "error", err)
			continue
		}
		if !ok {
			continue
		}
		tag, err := j.pool.Exec(ctx, `insert into ivr.unserved (uniqueid, call_id, at, caller_masked, dialled, disposition, reason, test)
			values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (uniqueid) do nothing`,
			u.uniqueID, u.call, u.at, u.caller, u.dialled, u.disposition, u.reason, u.test)
		if err != nil {
			return stored, false, err
		}
		stored += int(tag.RowsAffected())
	}
	j.metrics.unserved.Add(float64(stored))
	mark.offset += int64(whole)
	return stored, n == len(buf), nil
}

type unserved struct {
	uniqueID, caller, dialled, disposition, reason string

	call *uuid.UUID
	at   time.Time
	test bool
}

// parseCDR reads one line; ok is false for a call that a server had.
func parseCDR(line []byte) (u unserved, ok bool, err error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.FieldsPerRecord = -1
	f, err := r.Read()
	if err != nil {
		return u, false, err
	}
	if len(f) == cdrColumns-1 {
		f = append(f, "")
	}
	if len(f) != cdrColumns {
		return u, false, fmt.Errorf("it has %d columns, not %d: is cdr_custom.conf ours?", len(f), cdrColumns)
	}
	if f[cdrOutcome] != "fallback" && f[cdrOutcome] != "refused" {
		return u, false, nil
	}
	seconds, err := strconv.ParseFloat(f[cdrStart], 64)
	if err != nil {
		return u, false, errors.New("the start is no time")
	}
	if f[cdrUniqueID] == "" {
		return u, false, errors.New("the unique id is missing")
	}
	u = unserved{
		uniqueID: f[cdrUniqueID], caller: f[cdrCaller], dialled: f[cdrDialled], disposition: f[cdrOutcome],
		at: time.UnixMicro(int64(seconds * 1e6)), test: f[cdrTest] == "1",
	}
	if u.disposition == "refused" && f[cdrReason] != "" {
		u.reason = "unknown" // a newer server's, or the dialplan was edited
		if slices.Contains(reasons, f[cdrReason]) {
			u.reason = f[cdrReason]
		}
	}
	if id, err := uuid.Parse(f[cdrCallID]); err == nil {
		u.call = &id
	}
	// The dialplan masks the caller. One that was edited not to gets no further than here.
	if m, err := orders.ParseMSISDN(u.caller); err == nil {
		u.caller = m.String()
	}
	return u, true, nil
}

// cdrMark is how far the PBX's record has been imported: the file, which keeps its
// inode when it is renamed, and the place in it.
type cdrMark struct {
	inode  uint64
	offset int64
}

func (j *Journal) markFile() string { return filepath.Join(j.spool.dir, "cdr-position") }

func readMark(file string) (m cdrMark) {
	data, err := os.ReadFile(file)
	if err != nil {
		return m
	}
	if _, err := fmt.Sscanf(string(data), "%d %d\n", &m.inode, &m.offset); err != nil {
		return cdrMark{} // from the begin: what is there already is not stored again
	}
	return m
}

func (m cdrMark) write(file string) error {
	if err := os.WriteFile(file+".next", fmt.Appendf(nil, "%d %d\n", m.inode, m.offset), 0o600); err != nil {
		return fmt.Errorf("remember the place in the PBX's record: %w", err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		return fmt.Errorf("remember the place in the PBX's record: %w", err)
	}
	return nil
}

// openAt opens the file that m is in, which may have been renamed by a rotation
// to a name that begins alike, or else file from its begin.
func openAt(file string, m *cdrMark) (*os.File, error) {
	if m.inode != 0 && m.inode != inodeOf(file) {
		entries, err := os.ReadDir(filepath.Dir(file))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			old := filepath.Join(filepath.Dir(file), e.Name())
			if strings.HasPrefix(e.Name(), filepath.Base(file)) && inodeOf(old) == m.inode {
				return os.Open(old)
			}
		}
		*m = cdrMark{} // gone, and what was in it
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	m.inode = info.Sys().(*syscall.Stat_t).Ino
	if info.Size() < m.offset {
		m.offset = 0 // cut short
	}
	return f, nil
}

// inodeOf is 0 where there is no such file.
func inodeOf(file string) uint64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
}
