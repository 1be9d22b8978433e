package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hotline/internal/menu/check"
	"hotline/internal/releases"
	"hotline/internal/source"
)

// prover plays every call that can happen on the menus in two folders (the first may
// be a file), as `ivr check` does, or quickly those of one caller, and gives what it finds.
type prover func(ctx context.Context, menus, texts string, quick bool) ([]check.Finding, error)

// proveHere is the prover of a command.
func proveHere(_ context.Context, menus, texts string, quick bool) ([]check.Finding, error) {
	var c checked
	err := c.look([]string{menus}, checkFlags{texts: texts, quick: quick}, func(string, int) {})
	return c.findings, err
}

// proveLimit is far beyond what any menu takes.
const proveLimit = 2 * time.Minute

// proveApart is the prover of a server: a process of its own, which yields to calls,
// since exploring takes a processor and hundreds of megabytes.
func proveApart(ctx context.Context, menus, texts string, quick bool) ([]check.Finding, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("check the menus in a process of their own: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, proveLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "check", "--json", fmt.Sprintf("--quick=%v", quick), "--audio", "", "--prompts", texts, menus)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("check the menus in a process of their own: %w", err)
	}
	if !quick { // nobody waits for it
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 10)
	}
	err = cmd.Wait()
	var findings []check.Finding
	if jsonErr := json.Unmarshal(out.Bytes(), &findings); jsonErr != nil {
		return nil, fmt.Errorf("check the menus in a process of their own: %w: %s", errors.Join(err, ctx.Err()), strings.TrimSpace(problems.String()))
	}
	return findings, nil
}

// prove refuses a snapshot on which a call could go wrong. What this program has proved
// once it does not prove again: a restart does not wait for it.
func (p place) prove(ctx context.Context, snap *releases.Snapshot, quick bool) error {
	mark := provedMark(snap.Release, quick)
	unlock, err := alone(ctx, mark)
	if err != nil {
		return fmt.Errorf("check the menus: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "ivr-check-")
	if err != nil {
		return fmt.Errorf("check the menus: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	menus, texts := filepath.Join(dir, "menus"), filepath.Join(dir, "prompts")
	if err := errors.Join(os.CopyFS(menus, snap.Menus()), os.CopyFS(texts, snap.Texts())); err != nil {
		return fmt.Errorf("check the menus: %w", err)
	}
	findings, err := p.play(ctx, filepath.Join(menus, snap.Only), texts, quick)
	if err != nil {
		return err
	}
	home := p.menus
	if snap.Only != "" {
		home = filepath.Dir(p.menus)
	}
	var problems source.Problems
	for _, f := range findings {
		if f.Warning {
			continue
		}
		for from, to := range map[string]string{menus: home, texts: p.texts} {
			if rest, inside := strings.CutPrefix(f.Pos.File, from+string(filepath.Separator)); inside {
				f.Pos.File = filepath.Join(to, rest)
			}
		}
		problems = append(problems, f.Problem)
	}
	if len(problems) == 0 && mark != "" {
		// Without the mark it is only proved once more.
		_ = os.WriteFile(mark, nil, 0o644)
	}
	return problems.Err()
}

// alone waits until no other process proves what mark stands for: servers that start
// together would each take a processor for the same proof, and none would be ready. Where
// there is no place for a lock it does not wait.
func alone(ctx context.Context, mark string) (unlock func(), err error) {
	if mark == "" || os.MkdirAll(filepath.Dir(mark), 0o755) != nil {
		return func() {}, nil
	}
	lock, err := os.OpenFile(mark+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return func() {}, nil
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for errors.Is(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		select {
		case <-ctx.Done():
			_ = lock.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
	return func() { _ = lock.Close() }, nil // which unlocks it
}

// provedMark names the file that says that this very program has proved a release; ""
// where there is no place for it.
func provedMark(release string, quick bool) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(self)
	if err != nil {
		return ""
	}
	program := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %v", self, info.Size(), info.ModTime().UnixNano(), quick))
	return filepath.Join(cache, "hotline", "proved", release+"-"+hex.EncodeToString(program[:6]))
}
