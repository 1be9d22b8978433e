package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// spawner starts children from one OS thread that lives as long as the stack.
//
// The kernel ends a child (PR_SET_PDEATHSIG) when the thread that made it ends, not
// when the process does; Go may end a thread at any time, so it is locked.
type spawner struct {
	jobs chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer close(s.done)
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

// start is cmd.Start on the spawner's thread.
func (s *spawner) start(cmd *exec.Cmd) error {
	result := make(chan error)
	s.jobs <- func() { result <- cmd.Start() }
	return <-result
}

func (s *spawner) close() {
	close(s.jobs)
	<-s.done
}

// process says how to run a child.
type process struct {
	name     string
	args     []string
	env      []string       // nil inherits
	log      string         // file that takes its output, written anew
	isolated bool           // its own mount and process namespaces, as root of both
	signal   syscall.Signal // asks it to end; SIGTERM when left out
	grace    time.Duration  // after the signal, before it is killed
}

// child is a running process. ended is closed when it is gone and waited for.
type child struct {
	process
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // why it ended; valid once ended is closed
}

// spawn starts the process in its own process group: a Ctrl-C on the terminal is for
// us, and we stop things in order.
func (s *spawner) spawn(p process) (*child, error) {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.isolated {
		// Unshare, not clone, for the mounts: only then does Go make them private first,
		// and on a machine with systemd they would show up on the host otherwise.
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
		// Its end is the end of all that it started, whatever sessions they made.
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	}
	if err := s.start(cmd); err != nil {
		if p.isolated && errors.Is(err, syscall.EPERM) {
			return nil, fmt.Errorf("start %s: this machine forbids root to make namespaces (a container needs --privileged)", p.name)
		}
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	c := &child{process: p, cmd: cmd, ended: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// stop asks the process to end, kills its group when it does not within its grace or
// ctx, and waits.
func (c *child) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.grace)
	defer cancel()
	signal := c.signal
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
	}
	// The group, for children that are not isolated; for the others the first process's
	// end is the end of its namespace.
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s: %w", c.name, err)
	}
	<-c.ended
	return fmt.Errorf("%s did not stop within %s and was killed (log: %s)", c.name, c.grace, c.log)
}

// launch starts a process as a part of the stack: stopped with it, reported when it dies.
func (s *Stack) launch(p process) (*child, error) {
	c, err := s.spawner.spawn(p)
	if err != nil {
		return nil, err
	}
	stopping := make(chan struct{})
	go func() {
		select {
		case <-stopping:
		case <-c.ended:
			why := fmt.Sprintf(" (log: %s)", c.log)
			if isError(complaint(c.log)) { // the last line of one that was killed explains nothing
				why = hint(c.log)
			}
			s.died <- fmt.Errorf("%s ended by itself (%s)%s", c.name, status(c.err), why)
		}
	}()
	s.parts = append(s.parts, part{p.name, func(ctx context.Context) error {
		close(stopping)
		return c.stop(ctx)
	}})
	return c, nil
}

// run is for children that do a job and end: it waits, and stops them when ctx ends. A
// failure is told with the line of the log that explains it, as the output is not shown.
func (s *spawner) run(ctx context.Context, p process) error {
	c, err := s.spawn(p)
	if err != nil {
		return err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.stop(context.WithoutCancel(ctx)))
	}
	if c.err != nil {
		return fmt.Errorf("%s: %s%s", p.name, status(c.err), hint(p.log))
	}
	return nil
}

// status names the way a process ended, where exec.Cmd says nothing for exit code 0.
func status(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// hint quotes what a log says about a failure: its first line that speaks of an error,
// or else its last line.
func hint(log string) string {
	line := complaint(log)
	if line == "" {
		return fmt.Sprintf(" (log: %s)", log)
	}
	return fmt.Sprintf(": %s (log: %s)", line, log)
}

// complaint is the first line of the file that speaks of an error, or else its last:
// the first error is the cause, those after it are its consequences.
func complaint(log string) string {
	data, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	var last string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if last = line; isError(line) {
			break
		}
	}
	return last
}

// isError knows the marks of Asterisk, Postgres, apt, debootstrap, programs and Go.
func isError(line string) bool {
	for _, mark := range []string{"ERROR", "FATAL", "E: ", "error:", "panic:"} {
		if strings.Contains(line, mark) {
			return true
		}
	}
	return false
}

// await asks ready every few milliseconds until it says nil, the child ends, or the
// time is up. Asking is all that can be done: neither Asterisk nor Postgres in the
// foreground tells its parent when it is ready.
func await(ctx context.Context, c *child, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("%s did not start (%s)%s", c.name, status(c.err), hint(c.log))
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return fmt.Errorf("%s was not ready within %s (%w)%s", c.name, limit, err, hint(c.log))
		case <-tick.C:
		}
	}
}
