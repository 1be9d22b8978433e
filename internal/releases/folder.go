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

// signature tells cheaply whether the files may have changed: by their places on
// the disk, sizes and times. Looking is preferred to being told by the kernel
// (inotify), as it needs no care for editors that replace files, for folders that a
// deployment swaps by a link, or for file systems over the network.
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
