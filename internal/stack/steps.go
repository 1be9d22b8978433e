package stack

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// steps tells what is going on: a spinner that becomes a line on a terminal, finished
// lines only elsewhere.
type steps struct {
	out      io.Writer
	terminal bool

	mu   sync.Mutex
	note string // what the running step says of itself
}

func newSteps(out io.Writer) *steps {
	s := &steps{out: out}
	if f, ok := out.(*os.File); ok {
		s.terminal = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	}
	return s
}

// silence ends all telling.
func (s *steps) silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out, s.terminal = io.Discard, false
}

// line prints a line of its own in the middle of a step.
func (s *steps) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	fmt.Fprintf(s.out, format+"\n", args...)
}

// do runs one step and prints its name, last note and time. A failure is not printed:
// the caller returns it, and it is told once.
func (s *steps) do(name string, f func(note func(string, ...any)) error) error {
	began := time.Now()
	s.set("")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		s.spin(name, began, stop)
	}()
	err := f(func(format string, args ...any) { s.set(fmt.Sprintf(format, args...)) })
	close(stop)
	<-stopped
	took := time.Since(began).Seconds()
	if err != nil {
		s.line("  ✗ %-18s %6.1f s", name, took)
		return err
	}
	s.line("  ✓ %-18s %6.1f s  %s", name, took, s.get())
	return nil
}

// spin redraws the running step until stop is closed. Without a terminal it draws
// nothing: a log would keep every frame.
func (s *steps) spin(name string, began time.Time, stop <-chan struct{}) {
	if !s.terminal {
		<-stop
		return
	}
	width := 80
	if f, ok := s.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	tick := time.NewTicker(120 * time.Millisecond)
	defer tick.Stop()
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	for i := 0; ; i++ {
		note := s.get()
		s.mu.Lock()
		line := []rune(fmt.Sprintf("  %c %-18s %6.1f s  %s", frames[i%len(frames)], name, time.Since(began).Seconds(), note))
		// A line that wraps could not be drawn over.
		fmt.Fprintf(s.out, "\r\x1b[K%s", string(line[:min(len(line), width-1)]))
		s.mu.Unlock()
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func (s *steps) set(note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = note
}

func (s *steps) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.note
}
