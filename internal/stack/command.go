package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// serverGrace is what the server may take to stop: a second for calls that are about
// to end (DRAIN), then the apology to the others (sys.stopping, 6.6 s), 3 s for the BOSS's
// answers, and the journal. It leaves Asterisk and Postgres, which need one or two, the
// rest of the 15 s.
const serverGrace = 12 * time.Second

// Serve starts the server as one more part, ended before all others, and waits until
// readyURL answers 200. Its output goes to RUN/log/serve.log.
func (s *Stack) Serve(ctx context.Context, args []string, readyURL string) error {
	return s.steps.do("server", func(note func(string, ...any)) error {
		child, err := s.launch(process{
			name: "the server", args: args, env: append(os.Environ(), s.Environ()...),
			log: filepath.Join(s.run, "log", "serve.log"), grace: serverGrace,
		})
		if err != nil {
			return err
		}
		note("log: %s", child.log)
		return await(ctx, child, 30*time.Second, says200(readyURL))
	})
}

// says200 asks a URL for a 200.
func says200(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}

// Command runs a program in the foreground with the stack's settings (and extra ones) in
// its environment and returns its exit code: 128 and the signal's number if one ended it,
// as in a shell. When ctx ends it is asked to end, and killed after five seconds.
//
// Stop then says nothing: the program's last lines, as a test runner's summary, stay
// the last. On a terminal it gets the terminal: a Ctrl-C is then the program's, which ends, and
// not ours, who would take Postgres away under its feet.
func (s *Stack) Command(ctx context.Context, args, extra []string) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), s.Environ()...), extra...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, stdin
		defer takeTerminalBack(stdin)
	}
	if err := s.spawner.start(cmd); err != nil {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	s.steps.silence()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = endGroup(cmd.Process.Pid, ended)
	}
	// What the program left behind in its group would hold the stack's connections.
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return 0, err
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// endGroup asks a process group to end, insists after five seconds, and waits for its
// leader.
func endGroup(pid int, ended <-chan error) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(-pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(5 * time.Second):
		}
	}
	return <-ended
}

// takeTerminalBack makes us the foreground again, which a background process may only
// do when it ignores SIGTTOU.
func takeTerminalBack(fd int) {
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	// Best effort: the terminal may have gone with the program.
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp())
}
