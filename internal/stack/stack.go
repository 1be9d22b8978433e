// Package stack brings up the real parts that the hotline needs on one machine, an
// Asterisk and a Postgres, and takes them down again without a trace.
//
// It is what `ivr up` and the tests stand on:
//
//	s, err := stack.Start(ctx, stack.Options{Root: ".", Run: ".run", Cache: cache, Out: os.Stdout})
//	if err != nil { … }
//	defer s.Stop(context.Background())
//	cmd.Env = append(os.Environ(), s.Environ()...)
//
// Guarantees: everything listens on the loopback only; nothing is ever mounted where
// the machine can see it (each part lives in its own mount and process namespace, and
// the kernel ends it when this process dies, however it dies); two stacks with different
// Run folders do not see each other; a second one on the same Run folder is refused.
//
// It refuses to be a deployment: no upgrade, no backup, no supervision. A part that
// dies stays dead and is reported through [Stack.Died].
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options says what to bring up and where. Root, Run and Cache are folders.
type Options struct {
	Root  string // the checkout: deploy/asterisk, menus and prompts are read from it
	Run   string // data, logs and sockets of this run; made when missing, kept at stop
	Cache string // what is costly to make and the same for every run: the Asterisk
	Out   io.Writer

	// Apps are the ARI applications that a call is offered to, in order: the server's
	// and a standby's. Empty means "ivr-a" alone.
	Apps []string

	// Trunks are the addresses (or networks, as 10.0.0.0/24) whose word for a caller's number is
	// taken; callers from elsewhere have none. Empty means 127.0.0.1: who is on this machine.
	Trunks []string

	DatabaseURL string // use this Postgres instead of bringing one up
	// Hasty has the Postgres that is brought up not wait for the disk (fsync=off): for tests, whose
	// data need not outlive the machine. What it keeps survives the death of every process.
	Hasty    bool
	SIPAddr  string // loopback host:port for SIP; empty takes a free port
	HTTPAddr string // host:port left for the server's health and metrics; likewise

	// Boss is the face by which the server speaks to a BOSS of its own, which then is a part
	// with a Postgres beside that of the hotline: FaceTMF, FaceXML or FaceJSON. Empty is none: the
	// server keeps its sandbox in its own Postgres. Program is the ivr that runs it.
	Boss    string
	Program string

	// Admin makes the files users and token of the admin API in a folder, unless they are there:
	// those who may ask, and a bearer token of one of them. Nil: the server has no admin API.
	Admin func(folder string) error

	// Voice renders the prompts. Nil skips it.
	Voice func(ctx context.Context, progress func(done, total int)) error
	// Packages are needed besides those of the parts themselves.
	Packages []Package
}

// Stack is a set of running parts. Its methods are for one goroutine.
type Stack struct {
	run     string
	env     []Var
	parts   []part
	died    chan error
	lock    *lock
	cached  *lock
	spawner *spawner
	steps   *steps
}

// part is one running thing and how to stop it. Their order in Stack is that of their
// start: each may rely on those before it.
type part struct {
	name string
	stop func(ctx context.Context) error
}

// ErrLeft goes with what kept Start from stopping what it had started.
var ErrLeft = errors.New("something that was started may still be there")

// Start brings everything up, or takes down what it had brought up and says what is
// wrong. It needs root. On success RUN/env holds [Stack.Environ] as shell exports.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("bringing up Asterisk and Postgres needs root (namespaces, users): use sudo")
	}
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{o.Run, o.Cache, filepath.Join(o.Run, "log"), filepath.Join(o.Run, "prompts"), filepath.Join(o.Run, "spool")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	held, err := acquire(filepath.Join(o.Run, "lock"), exclusive)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("another `ivr up` (%s) is running in %s: stop it, or give this one its own folder with --run DIR", held.owner, o.Run)
	}
	if err != nil {
		return nil, err
	}
	s := &Stack{run: o.Run, died: make(chan error, 8), lock: held, spawner: newSpawner(), steps: newSteps(o.Out)}
	if err := s.start(ctx, o); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if left := s.Stop(stop); left != nil {
			err = errors.Join(err, ErrLeft, left)
		}
		return nil, err
	}
	return s, nil
}

// complete fills in what was left out and makes the folders absolute: Asterisk and
// Postgres are started elsewhere.
func (o Options) complete() (Options, error) {
	for _, dir := range []*string{&o.Root, &o.Run, &o.Cache} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return o, err
		}
		*dir = abs
	}
	// It becomes part of Asterisk's configuration, which cannot quote any of these.
	if strings.ContainsAny(o.Run, ",;&|$[]{}\"'\n") {
		return o, fmt.Errorf("the folder %s has a character in its name that Asterisk's dialplan would read as its own: use another with --run DIR", o.Run)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if len(o.Apps) == 0 {
		o.Apps = []string{"ivr-a"}
	}
	if len(o.Trunks) == 0 {
		o.Trunks = []string{"127.0.0.1"}
	}
	for _, trunk := range o.Trunks {
		if _, err := netip.ParseAddr(trunk); err == nil {
			continue
		}
		// Names are not taken: what they lead to is another's word.
		if _, err := netip.ParsePrefix(trunk); err != nil {
			return o, fmt.Errorf("TRUNKS: %q is neither an IP address nor a network, as 10.1.2.3 or 10.1.2.0/24", trunk)
		}
	}
	return o, nil
}

// start is the order of things: what is wrong with the request first, then what is
// slow, then what must be taken down again.
func (s *Stack) start(ctx context.Context, o Options) error {
	// A leftover would describe parts that are gone.
	if err := os.Remove(filepath.Join(o.Run, "env")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	net, err := choosePorts(o)
	if err != nil {
		return err
	}
	if o.DatabaseURL != "" {
		if err := ping(ctx, o.DatabaseURL); err != nil {
			return err
		}
	}
	var pbx install
	if err := s.steps.do("packages", func(note func(string, ...any)) error {
		return s.packages(ctx, o, note)
	}); err != nil {
		return err
	}
	if err := s.steps.do("get asterisk", func(note func(string, ...any)) (err error) {
		pbx, err = s.provide(ctx, o, note)
		return err
	}); err != nil {
		return err
	}
	if o.Voice != nil {
		if err := s.steps.do("prompts", func(note func(string, ...any)) error {
			return o.Voice(ctx, func(done, total int) { note("%d of %d", done, total) })
		}); err != nil {
			return err
		}
	}
	databaseURL := o.DatabaseURL
	if err := s.steps.do("postgres", func(note func(string, ...any)) (err error) {
		databaseURL, err = s.postgres(ctx, o, net.postgres, note)
		return err
	}); err != nil {
		return err
	}
	secrets := newSecrets()
	if err := s.steps.do("asterisk", func(note func(string, ...any)) error {
		return s.asterisk(ctx, o, pbx, net, secrets, note)
	}); err != nil {
		return err
	}
	if s.env, err = environ(o, net, secrets, databaseURL); err != nil {
		return err
	}
	if o.Admin != nil {
		if err := s.admin(o, net.admin); err != nil {
			return err
		}
	}
	if o.Boss != "" {
		if err := s.steps.do("boss", func(note func(string, ...any)) error { return s.boss(ctx, o, net, note) }); err != nil {
			return err
		}
	}
	return writeEnv(filepath.Join(o.Run, "env"), s.env)
}

// Environ lists the settings of `ivr serve` and of test callers as KEY=VALUE.
func (s *Stack) Environ() []string {
	list := make([]string, len(s.env))
	for i, v := range s.env {
		list[i] = v.Name + "=" + v.Value
	}
	return list
}

// Get is one setting of [Stack.Environ], empty when there is none of that name.
func (s *Stack) Get(name string) string {
	for _, v := range s.env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// Died receives an error that names the part whenever one ends by itself.
func (s *Stack) Died() <-chan error { return s.died }

// Stop takes the parts down in the reverse order of their start, each killed if it is
// not gone when ctx ends, and removes RUN/env. It may be called once.
func (s *Stack) Stop(ctx context.Context) error {
	var failures []error
	if err := os.Remove(filepath.Join(s.run, "env")); err != nil && !errors.Is(err, os.ErrNotExist) {
		failures = append(failures, err)
	}
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		err := s.steps.do("stop "+p.name, func(func(string, ...any)) error { return p.stop(ctx) })
		failures = append(failures, err)
	}
	s.parts = nil
	// It would talk to whatever has the process number by then.
	if err := os.Remove(filepath.Join(s.run, "asterisk/cli")); err != nil && !errors.Is(err, os.ErrNotExist) {
		failures = append(failures, err)
	}
	// The spawner last: its thread's end is what kills children that are left.
	s.spawner.close()
	s.cached.release()
	s.lock.release()
	return errors.Join(failures...)
}
