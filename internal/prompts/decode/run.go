package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// errLimit: a program has used up its time.
var errLimit = errors.New("no end within its time")

// pipe runs a program that gets nothing untrusted, and gives its output. The error names
// the program, and says what that complained of last.
func pipe(ctx context.Context, l Limits, input []byte, name string, args ...string) ([]byte, error) {
	got, err := run(ctx, l, input, name, args)
	switch {
	case got.over:
		return nil, fmt.Errorf("%s: more than %d bytes of output", name, l.output())
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %s", name, err, got.last)
	}
	return got.out, nil
}

// outcome is what a program leaves behind.
type outcome struct {
	out        []byte
	over       bool   // it wanted to write more than it may
	said, last string // the first line of its complaints, and the last, fit to be shown
}

// run runs a program under the kernel's limits. It gets no environment: neither the
// user's settings nor a proxy are any business of a decoder. Its error is errLimit, the
// context's, an *exec.ExitError, or tells of a missing program (exec.ErrNotFound).
func run(ctx context.Context, l Limits, input []byte, name string, args []string) (outcome, error) {
	program, err := find(name, name)
	if err != nil {
		return outcome{}, err
	}
	limiter, err := find("prlimit", "util-linux")
	if err != nil {
		return outcome{}, err
	}
	limited, cancel := context.WithTimeout(ctx, l.Run)
	defer cancel()
	cpu := int(math.Ceil(l.Run.Seconds()))
	limits := []string{
		// Past the first limit of time comes SIGXCPU, which tells; past the second SIGKILL, which could be anybody's.
		fmt.Sprintf("--as=%d", l.Memory), fmt.Sprintf("--cpu=%d:%d", cpu, cpu+1),
		"--fsize=0", // it has pipes, and writes no file
		"--nofile=24", "--core=0", "--", program,
	}
	out, said := capture{limit: l.output()}, capture{limit: 8 << 10, lenient: true}
	cmd := exec.CommandContext(limited, limiter, append(limits, args...)...)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C"}, "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	// What it may have started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	first, last := said.lines()
	got := outcome{out: out.buf.Bytes(), over: out.over, said: first, last: last}
	if err == nil || got.over {
		return got, nil
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return got, ctx.Err()
	case limited.Err() != nil, errors.As(err, &exit) && outOfTime(exit):
		return got, fmt.Errorf("%w of %v", errLimit, l.Run)
	case exit != nil && neverBegan(exit, first):
		return got, fmt.Errorf("start %s with limits (%v): %s", name, exit, first) // no word on the recording, hence no ExitError
	}
	return got, err
}

func find(program, pkg string) (string, error) {
	file, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is missing (apt-get install %s): %w", program, pkg, err)
	}
	return file, nil
}

// outOfTime tells whether the kernel ended a program for its processor's time.
func outOfTime(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGXCPU
}

// neverBegan tells whether the program itself did not come to run: the limits could not
// be set, or not all of it could be loaded.
func neverBegan(exit *exec.ExitError, said string) bool {
	const cannotRun, notFound = 126, 127 // of prlimit and of the dynamic linker, as of shells
	code := exit.ExitCode()
	return strings.HasPrefix(said, "prlimit: ") || code == cannotRun || code == notFound
}

// capture keeps the begin of what is written to it. More breaks the writer's pipe, or is
// lost where it is lenient.
type capture struct {
	buf     bytes.Buffer
	limit   int64
	lenient bool
	over    bool
}

func (c *capture) Write(p []byte) (int, error) {
	room := min(int64(len(p)), c.limit-int64(c.buf.Len()))
	c.buf.Write(p[:room])
	if int(room) == len(p) {
		return len(p), nil
	}
	c.over = true
	if c.lenient {
		return len(p), nil
	}
	return int(room), errors.New("too much output")
}

// maxSaid limits what of a program's complaints is shown, in bytes.
const maxSaid = 200

// address is what differs from run to run in ffmpeg's "[wav @ 0x55ea7b265a40] ".
var address = regexp.MustCompile(`^\[(\S+) @ 0x[0-9a-f]+\] `)

// lines gives the first and the last line that say something. They may quote the
// recording, which can hold anything, so that only what prints is left.
func (c *capture) lines() (first, last string) {
	for line := range strings.Lines(c.buf.String()) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) && r != unicode.ReplacementChar {
				return r
			}
			return -1
		}, line))
		line = address.ReplaceAllString(line, "$1: ")
		line = line[:min(len(line), maxSaid)]
		if line == "" {
			continue
		}
		if first == "" {
			first = line
		}
		last = line
	}
	return strings.ToValidUTF8(first, ""), strings.ToValidUTF8(last, "")
}
