package releases

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hotline/internal/prompts"
)

// TestAFullDisk: a sound that finds no room leaves nothing behind; it is tried every 10 s, and
// pieces would take what room is made. Not parallel: the limit is the process's.
func TestAFullDisk(t *testing.T) {
	s := NewSounds(t.TempDir())
	content := make([]byte, 4096)
	a := prompts.Audio{File: "zh/a.alaw", SHA256: prompts.Hash(content), Codec: prompts.ALaw}
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: room.Max}); err != nil {
		t.Fatal(err)
	}
	err := s.Put(a, content)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("it says %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, "zh")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := s.Put(a, content); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}
