package releases

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lookout watches the folders of the menus and texts. Looking is preferred to being told by
// the kernel (inotify), as it needs no care for editors that replace files, for folders that a
// deployment swaps by a link, or for file systems over the network.
type lookout struct {
	menus, texts string
	known        hashes
	seen         *Snapshot // when it was last taken; nil where that failed

	files, recorded string    // signatures
	listenAt        time.Time // when the recordings are looked at next
	moving          bool      // a signature has changed
	until           time.Time // and what changed is let rest so long at least
}

// Recordings are many, and are copied from other machines, which may pause.
const (
	listenEvery = time.Second
	listenRest  = 500 * time.Millisecond
)

func newLookout(menus, texts string) *lookout { return &lookout{menus: menus, texts: texts} }

// begin takes what is there now for what was there before.
func (l *lookout) begin() {
	l.settled(time.Now())
	l.moving, l.until = false, time.Time{}
}

// forget has the folder taken for something new at the next look.
func (l *lookout) forget() { l.seen, l.moving = nil, true }

// take reads the folders.
func (l *lookout) take() (snap *Snapshot, err error) {
	l.seen, err = take(l.menus, l.texts, &l.known)
	return l.seen, err
}

// settled tells whether something has changed, and has then been at rest for a look:
// a save of several files, or a checkout, is one change.
func (l *lookout) settled(now time.Time) bool {
	changed := false
	if files := signature(l.menus, l.texts); files != l.files {
		l.files, changed = files, true
	}
	if l.moving || !now.Before(l.listenAt) {
		l.listenAt = now.Add(listenEvery)
		if recorded := listing(l.texts); recorded != l.recorded {
			l.recorded, changed = recorded, true
			l.until = now.Add(listenRest)
		}
	}
	if changed {
		l.moving = true
		return false
	}
	if !l.moving || now.Before(l.until) {
		return false
	}
	l.moving = false
	return true
}

// signature tells cheaply whether the files may have changed: by their places on
// the disk, sizes and times.
func signature(menus, texts string) string {
	var b strings.Builder
	dirs := folders(menus, texts)
	for _, as := range []string{"menus", "prompts"} {
		err := walk(dirs[as], func(name string, _ fs.DirEntry) error {
			// Stat follows links.
			if info, err := os.Stat(filepath.Join(dirs[as], filepath.FromSlash(name))); err == nil {
				fmt.Fprintf(&b, "%s %s\n", name, identity(info))
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}

// listing is the signature of the recordings.
func listing(texts string) string {
	var b strings.Builder
	err := recordings(texts, func(name string, d fs.DirEntry) error {
		if info, err := d.Info(); err == nil {
			fmt.Fprintf(&b, "%s %s\n", name, identity(info))
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	return b.String()
}

// identity is what changes about a file whenever it is written or replaced; the
// inode's time of change also when the file's own time is set back, as by rsync.
func identity(info fs.FileInfo) string {
	id := fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		id += fmt.Sprintf(" %d %d.%d", s.Ino, s.Ctim.Sec, s.Ctim.Nsec)
	}
	return id
}

// changedAt is when the file was changed last, in whatever way; not known on every system.
func changedAt(info fs.FileInfo) (time.Time, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(s.Ctim.Unix()), true
}

// savedBy is the user who owns the file that was written last: whoever has saved
// it. The server's own user would tell nothing.
func savedBy(menus, texts string, changed []string) string {
	dirs := folders(menus, texts)
	var last time.Time
	name := ""
	for _, file := range changed {
		top, rest, _ := strings.Cut(file, "/")
		info, err := os.Stat(filepath.Join(dirs[top], filepath.FromSlash(rest)))
		if err != nil || info.ModTime().Before(last) {
			continue
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			last, name = info.ModTime(), userName(s.Uid)
		}
	}
	if name == "" { // files were only removed
		name = userName(uint32(os.Getuid()))
	}
	return name
}

// userName is the name of a user, or the number where it has none here.
func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// few names some of the files, for a note.
func few(files []string) string {
	const enough = 4
	if more := len(files) - enough; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(files[:enough], ", "), more)
	}
	return strings.Join(files, ", ")
}
