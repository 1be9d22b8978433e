package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hotline/internal/prompts/build"
	"hotline/internal/stack"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// viaSudo marks a process that we started again as root.
const viaSudo = "IVR_VIA_SUDO"

// stopTime is what everything has to be gone within after a Ctrl-C.
const stopTime = 15 * time.Second

// handedOver are the settings that survive sudo, which clears the environment.
var handedOver = []string{"HOME", "XDG_CACHE_HOME", "IVR_CACHE", "DATABASE_URL", "SIP_ADDR", "HTTP_ADDR", "TRUNKS",
	"http_proxy", "https_proxy", "no_proxy", "CI", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN", viaSudo}

// upFlags are the choices of `ivr up`.
type upFlags struct {
	run     string
	parts   bool
	apps    []string
	testing bool
	boss    string
}

func upCommand() *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:   "up [--parts] [--run DIR] [-- COMMAND ARGS...]",
		Short: "Bring up Asterisk, Postgres and the server until Ctrl-C",
		Long: `Bring up everything that the hotline needs, on this machine and on its loopback
only, and serve until Ctrl-C. What is missing is installed or fetched first.

  ivr up                         Asterisk, Postgres and the server
  ivr up --parts                 Asterisk and Postgres alone
  ivr up --parts -- go test ...  … for one command; exits with its code
  ivr up --boss tmf              with a BOSS of its own ('ivr boss'), which has a Postgres of
                                 its own, too, and is spoken to as TM Forum says (or xml, json)

The settings are in DIR/env while it runs. DATABASE_URL (an own Postgres), SIP_ADDR,
HTTP_ADDR (own addresses), TRUNKS (the addresses that callers' numbers are believed from,
127.0.0.1) and IVR_CACHE (where the fetched Asterisk is kept) are taken from the environment.`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && cmd.ArgsLenAtDash() != 0:
				return usageError{fmt.Errorf("up: %q: a command to run is given after --", args[0])}
			case len(args) > 0 && !flags.parts:
				return usageError{errors.New("up: a command can be run with --parts only")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return up(cmd.Context(), cmd.OutOrStdout(), flags, args)
		},
	}
	cmd.Flags().StringVar(&flags.run, "run", "", "folder for data, logs and settings (default .run in the checkout)")
	cmd.Flags().BoolVar(&flags.parts, "parts", false, "without the server")
	cmd.Flags().BoolVar(&flags.testing, "testing", false, "for go test: with a C compiler for -race, strace and promtool; Postgres does not wait for the disk")
	cmd.Flags().StringVar(&flags.boss, "boss", "sandbox", "the BOSS: sandbox (in the server), or one of its own that is spoken to by tmf, xml or json")
	cmd.Flags().StringSliceVar(&flags.apps, "apps", []string{"ivr-a"}, "applications that a call is offered to, at most two")
	return cmd
}

func up(ctx context.Context, out io.Writer, flags upFlags, command []string) error {
	if os.Geteuid() != 0 {
		return becomeRoot("to install packages and to isolate Asterisk and Postgres")
	}
	// A closed terminal is a Ctrl-C too.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	if os.Getenv(viaSudo) != "" {
		// If sudo is killed nobody else would tell us.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
			return fmt.Errorf("watch over sudo: %w", err)
		}
	}
	options, err := upOptions(flags, out)
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, options)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, stack.ErrLeft) {
			return errors.New("interrupted; everything is stopped")
		}
		return err
	}
	err = errors.Join(handBack(options.Run), upRun(ctx, s, out, options, flags, command))
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(err, s.Stop(last))
}

// handBack lets the user of sudo read the settings, for `make call` and the reports.
func handBack(run string) error {
	uid, err := strconv.Atoi(os.Getenv("SUDO_UID"))
	if err != nil || os.Getenv(viaSudo) == "" {
		return nil
	}
	for _, file := range []string{"env", "number.key", "boss", "boss/token", "admin", "admin/token"} {
		if err := os.Chown(filepath.Join(run, file), uid, -1); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// upRun does what the parts were brought up for.
func upRun(ctx context.Context, s *stack.Stack, out io.Writer, o stack.Options, flags upFlags, command []string) error {
	if len(command) > 0 {
		var extra []string
		if os.Getenv(viaSudo) != "" {
			// Root's files in the user's build cache would stop the user's own builds.
			extra = append(extra, "GOCACHE="+filepath.Join(o.Cache, "go-build"))
		}
		code, err := s.Command(ctx, command, extra)
		if err == nil && code != 0 {
			err = exitError(code)
		}
		return err
	}
	if !flags.parts {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := s.Serve(ctx, []string{self, "serve"}, "http://"+s.Get("HTTP_ADDR")+"/readyz"); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		fmt.Fprintf(out, "\n  Metrics   http://%s/metrics\n  Admin API http://%s, as ivr orders asks it\n  Call      make call, or a softphone: sip:10086@%s (no account)\n",
			s.Get("HTTP_ADDR"), s.Get("ADMIN_ADDR"), s.Get("SIP_ADDR"))
	} else {
		fmt.Fprintf(out, "\n  SIP       %s, application %s\n", s.Get("SIP_ADDR"), s.Get("ARI_APP"))
	}
	fmt.Fprintf(out, "  Settings  . %s\n  Asterisk  %s core show channels\n  Ctrl-C stops everything.\n\n",
		filepath.Join(o.Run, "env"), filepath.Join(o.Run, "asterisk/cli"))
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.Died():
		return err
	}
}

func upOptions(flags upFlags, out io.Writer) (stack.Options, error) {
	if len(flags.apps) == 0 || len(flags.apps) > 2 {
		return stack.Options{}, usageError{errors.New("up: --apps takes one or two names")}
	}
	face, err := bossFace(flags.boss)
	if err != nil {
		return stack.Options{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return stack.Options{}, err
	}
	root, run, cache, err := upFolders(flags.run)
	if err != nil {
		return stack.Options{}, err
	}
	packages := make([]stack.Package, len(build.Packages))
	for i, p := range build.Packages {
		packages[i] = stack.Package{Name: p.Name, Program: p.Name, Why: p.Why}
	}
	if flags.testing {
		packages = append(packages,
			stack.Package{Name: "gcc", Program: "gcc", Why: "the race detector of go test needs a C compiler"},
			stack.Package{Name: "strace", Program: "strace", Why: "a test looks at what the decoders of recordings open"},
			stack.Package{Name: "prometheus", Program: "promtool", Why: "a test plays the alert rules through"},
			stack.Package{Name: "libc6-dev", Program: "gcc", Why: "the C library's headers, for that compiler"})
	}
	// With --parts servers are somebody else's, and several of them could not share an address.
	var admin func(string) error
	if !flags.parts {
		admin = firstUser
	}
	return stack.Options{
		Admin: admin,
		Voice: func(ctx context.Context, progress func(done, total int)) error {
			folder := filepath.Join(root, "prompts")
			texts, rules, err := loadRuled(folder)
			if err != nil {
				return err
			}
			return buildIn(ctx, build.Options{
				Texts: texts, Folder: folder, Rules: rules, AudioDir: filepath.Join(run, "prompts"), CacheDir: filepath.Join(cache, "sound"), Progress: progress,
			})
		},
		Packages: packages,

		Root: root, Run: run, Cache: cache, Out: out, Apps: flags.apps,
		Boss: face, Program: program, Hasty: flags.testing,
		Trunks:      strings.FieldsFunc(os.Getenv("TRUNKS"), func(r rune) bool { return r == ',' || r == ' ' }),
		DatabaseURL: os.Getenv("DATABASE_URL"), SIPAddr: os.Getenv("SIP_ADDR"), HTTPAddr: os.Getenv("HTTP_ADDR"),
	}, nil
}

// bossFace is the face of a BOSS of its own by the word of --boss; "" is none.
func bossFace(word string) (string, error) {
	switch word {
	case "sandbox":
		return "", nil
	case stack.FaceTMF, stack.FaceXML, stack.FaceJSON:
		return word, nil
	}
	return "", usageError{fmt.Errorf("up: no BOSS %q (there are sandbox, %s, %s, %s)", word, stack.FaceTMF, stack.FaceXML, stack.FaceJSON)}
}

// upFolders finds the checkout at or above the current folder, the run folder and the
// cache.
func upFolders(wishedRun string) (root, run, cache string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return "", "", "", err
	}
	for root = here; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "deploy/asterisk/asterisk.conf")); err == nil {
			break
		}
		if root == "/" {
			return "", "", "", fmt.Errorf("no deploy/asterisk in %s or above: run this in the checkout", here)
		}
	}
	run = wishedRun
	if run == "" {
		run = filepath.Join(root, ".run")
	}
	if cache = os.Getenv("IVR_CACHE"); cache == "" {
		base, err := os.UserCacheDir() // $XDG_CACHE_HOME or ~/.cache
		if err != nil {
			return "", "", "", fmt.Errorf("where to keep the fetched Asterisk: %w (set IVR_CACHE)", err)
		}
		cache = filepath.Join(base, "hotline")
	}
	return root, run, cache, nil
}

// becomeRoot starts this very command again through sudo, in place of this process.
func becomeRoot(why string) error {
	sudo, err := exec.LookPath("sudo")
	if err != nil {
		return fmt.Errorf("root is needed (%s) and there is no sudo: run this as root", why)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "ivr: sudo is used %s\n", why)
	if err := os.Setenv(viaSudo, "1"); err != nil {
		return err
	}
	// sudo has a PATH of its own, in which go is not.
	args := []string{"sudo", "--preserve-env=" + strings.Join(handedOver, ","), "--", "env", "PATH=" + os.Getenv("PATH"), self}
	return fmt.Errorf("start sudo: %w", syscall.Exec(sudo, append(args, os.Args[1:]...), os.Environ()))
}
