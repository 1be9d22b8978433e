package decode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// Read gives the content of a recording. file is a path with slashes below root; each
// part of it is what it is, and no link to it. A Refusal says what is no recording: a link, a
// folder, a pipe, a device, or more bytes than a recording may have. Any other error is the file system's.
func Read(root *os.Root, file string, l Limits) ([]byte, error) {
	seen, err := look(root, file)
	if err != nil {
		return nil, err
	}
	if seen.Size() > l.Bytes {
		return nil, tooLarge(seen.Size(), l)
	}
	// Somebody may have put a pipe there meanwhile: opening it must not wait for a writer.
	f, err := root.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	is, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("look at the recording: %w", err)
	case !is.Mode().IsRegular() || !os.SameFile(seen, is):
		return nil, refuse(Unreadable, "another file took its place while it was opened")
	}
	data, err := io.ReadAll(io.LimitReader(f, l.Bytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the recording: %w", err)
	case int64(len(data)) > l.Bytes:
		return nil, tooLarge(int64(len(data)), l)
	}
	return data, nil
}

// look tells what a file is without opening it, as opening a device can do something
// already. Folders on the way are no links either: os.Root would follow those that stay within.
func look(root *os.Root, file string) (fs.FileInfo, error) {
	if !fs.ValidPath(file) {
		return nil, refuse(Unreadable, "%q is no path within the folder", file)
	}
	for at := path.Dir(file); at != "."; at = path.Dir(at) {
		info, err := root.Lstat(at)
		switch {
		case errors.Is(err, syscall.ENOTDIR):
			continue // a part above is told of
		case err != nil:
			return nil, fmt.Errorf("look at the recording's folder: %w", err)
		case !info.IsDir():
			return nil, refuse(Unreadable, "%s is %s; copy the recordings themselves into a folder", at, kind(info.Mode()))
		}
	}
	info, err := root.Lstat(file)
	if err != nil {
		return nil, fmt.Errorf("look at the recording: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, refuse(Unreadable, "it is %s; copy the recording itself here", kind(info.Mode()))
	}
	return info, nil
}

// kind names what is no plain file.
func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a link, which is not followed"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return strings.TrimSpace("no plain file " + m.Type().String())
}
