package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// asteriskUID is the user and group that Asterisk runs as: a number from the range that
// systemd gives to short-lived services, so that it is nobody of this machine, and
// the same whether the Asterisk is the machine's or the cache's.
const asteriskUID = 61708

// controlDir is astrundir as Asterisk sees it: a control socket's path is limited to
// 107 bytes, which a checkout's path may exceed.
const controlDir = "/run/asterisk"

// cdrFile is the PBX's own record, below RUN/asterisk.
const cdrFile = "log/cdr-custom/hotline.csv"

// recordings is where ARI reads files back from (Asterisk's recording directory), below
// RUN/asterisk. The prompts are bound there under the name that ARI_SOUNDS says, so that the
// server can verify what this Asterisk would play. A link would not do: Asterisk serves nothing
// that a link leads to outside.
const (
	recordings = "spool/recording"
	sounds     = "prompts"
)

// unused are files that Asterisk complains of when they are missing, though it needs
// nothing of them.
var unused = []string{"acl", "cel", "features", "geolocation", "pjproject", "statsd", "udptl", "websocket_client"}

// settings is what the templates in deploy/asterisk may ask for: all that differs from
// run to run. What does not differ is written in the templates, to be read there.
type settings struct {
	Dir, ModuleDir, DataDir, ControlDir, Prompts string
	SIPAddr, SIPHost, ARIHost, ARIPort           string
	RTPStart, RTPEnd                             int
	ARIUser, ARIPassword                         string
	DialtestToken, AgentPassword                 string
	AppA, AppB                                   string
	Trunks                                       []string
}

// asterisk writes the configuration, starts Asterisk and waits until ARI answers and
// the SIP port is taken.
func (s *Stack) asterisk(ctx context.Context, o Options, pbx install, p ports, sec secrets, note func(string, ...any)) error {
	dir := filepath.Join(o.Run, "asterisk")
	if err := prepare(o, pbx, p, sec, dir); err != nil {
		return err
	}
	prompts := filepath.Join(o.Run, "prompts")
	mounts, err := view(pbx, dir, prompts)
	if err != nil {
		return err
	}
	child, err := s.launch(process{
		name:     "asterisk",
		args:     []string{"sh", "-c", enter(filepath.Join(dir, "root"), mounts, pbx.program, filepath.Join(dir, "etc/asterisk.conf"))},
		env:      []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + filepath.Join(dir, "lib"), "LC_ALL=C.UTF-8"},
		log:      filepath.Join(o.Run, "log", "asterisk.log"),
		isolated: true,
		grace:    4 * time.Second,
	})
	if err != nil {
		return err
	}
	errorLog := filepath.Join(dir, "log/errors")
	if err := await(ctx, child, 30*time.Second, func(ctx context.Context) error { return answers(ctx, p, sec) }); err != nil {
		if line := complaint(errorLog); isError(line) {
			err = fmt.Errorf("%w; Asterisk says: %s", err, line)
		}
		return err
	}
	note("SIP %s (udp), ARI %s, RTP %d-%d", p.sip, p.ari, p.rtpStart, p.rtpEnd)
	if line := complaint(errorLog); isError(line) {
		s.steps.line("    asterisk complains: %s (log: %s)", line, errorLog)
	}
	return writeCLI(filepath.Join(dir, "cli"), child.cmd.Process.Pid, pbx.program, filepath.Join(dir, "etc/asterisk.conf"))
}

// prepare makes the folders of the run and fills in the configuration. Asterisk may write
// where it keeps state and nowhere else: not its configuration, not the prompts.
func prepare(o Options, pbx install, p ports, sec secrets, dir string) error {
	for _, sub := range []string{"etc", "etc/extensions.d", "root", "lib", "db", "log", "log/cdr-custom", "spool", recordings, "run"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if strings.HasPrefix(sub, "etc") || sub == "root" {
			continue // read only for Asterisk
		}
		if err := os.Chown(path, asteriskUID, asteriskUID); err != nil {
			return err
		}
	}
	// Of the last run: its complaints would be told as today's.
	if err := os.Remove(filepath.Join(dir, "log/errors")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	set := settings{
		Dir: dir, ModuleDir: pbx.modules, DataDir: pbx.data, ControlDir: controlDir, Prompts: filepath.Join(o.Run, "prompts"),
		SIPAddr: p.sip, RTPStart: p.rtpStart, RTPEnd: p.rtpEnd,
		ARIUser: sec.ariUser, ARIPassword: sec.ariPassword, DialtestToken: sec.dialtestToken, AgentPassword: sec.agentPassword,
		AppA: o.Apps[0], Trunks: o.Trunks,
	}
	if len(o.Apps) > 1 {
		set.AppB = o.Apps[1]
	}
	var err error
	if set.SIPHost, _, err = net.SplitHostPort(p.sip); err != nil {
		return err
	}
	if set.ARIHost, set.ARIPort, err = net.SplitHostPort(p.ari); err != nil {
		return err
	}
	if err := render(filepath.Join(o.Root, "deploy/asterisk"), filepath.Join(dir, "etc"), set, filepath.Join(pbx.root, pbx.modules)); err != nil {
		return err
	}
	for _, name := range unused {
		if err := os.WriteFile(filepath.Join(dir, "etc", name+".conf"), nil, 0o644); err != nil {
			return err
		}
	}
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	// Without its own name in it every call waits for a name server.
	return os.WriteFile(filepath.Join(dir, "etc/hosts"), []byte("127.0.0.1 localhost "+hostname+"\n"), 0o644)
}

// render fills in every template of the folder from. The files hold passwords: only
// root and Asterisk can read them.
func render(from, to string, set settings, modules string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.conf"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("no Asterisk configuration in %s: run this in the checkout", from))
	}
	funcs := template.FuncMap{"has": func(module string) bool {
		_, err := os.Stat(filepath.Join(modules, module))
		return err == nil
	}}
	for _, file := range files {
		t, err := template.New(filepath.Base(file)).Funcs(funcs).ParseFiles(file)
		if err != nil {
			return err
		}
		var b strings.Builder
		if err := t.Execute(&b, set); err != nil {
			return err
		}
		target := filepath.Join(to, filepath.Base(file))
		if err := os.WriteFile(target, []byte(b.String()), 0o640); err != nil {
			return err
		}
		if err := os.Chown(target, 0, asteriskUID); err != nil {
			return err
		}
	}
	return nil
}

// answers says whether ARI answers and SIP listens. Both, because the modules load one
// after the other: ARI alone may be up with chan_pjsip having failed.
func answers(ctx context.Context, p ports, sec secrets) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ari+"/ari/asterisk/info", nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(sec.ariUser, sec.ariPassword)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ARI answers %s", resp.Status)
	}
	if err := tryBind("udp", p.sip); !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("nothing listens on %s (SIP)", p.sip)
	}
	return nil
}

// mount is one thing that Asterisk sees: a folder or file bound from the machine, or a
// link.
type mount struct {
	at   string // as Asterisk sees it
	from string // what is bound there
	link string // or where the link points
}

// view lists what Asterisk sees: the programs of its installation, the machine's
// devices, and of the run only its own folder and the prompts, at the very paths that
// they have outside, so that the server can name a prompt by its path.
func view(pbx install, dir, prompts string) ([]mount, error) {
	var list []mount
	for _, name := range []string{"usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		path := filepath.Join(pbx.root, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case info.Mode()&os.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return nil, err
			}
			list = append(list, mount{at: "/" + name, link: link})
		default:
			list = append(list, mount{at: "/" + name, from: path})
		}
	}
	if !strings.HasPrefix(pbx.data, "/usr/") {
		list = append(list, mount{at: pbx.data, from: filepath.Join(pbx.root, pbx.data)})
	}
	return append(list,
		mount{at: "/dev", from: "/dev"},
		mount{at: dir, from: dir},
		mount{at: prompts, from: prompts},
		mount{at: filepath.Join(dir, recordings, sounds), from: prompts},
		mount{at: controlDir, from: filepath.Join(dir, "run")},
		mount{at: "/etc/hosts", from: filepath.Join(dir, "etc/hosts")},
	), nil
}

// enter is the script that builds that view in root, in a namespace of its own, and
// becomes Asterisk in it.
func enter(root string, mounts []mount, program, config string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set -e\numask 022\nulimit -n 65536 2>/dev/null || ulimit -n \"$(ulimit -H -n)\"\nR=%s\nmount -t tmpfs -o mode=755 hotline \"$R\"\n", quote(root))
	fmt.Fprintf(&b, "mkdir -p \"$R/proc\" \"$R/tmp\" \"$R/var/tmp\"\nchmod 1777 \"$R/tmp\" \"$R/var/tmp\"\nmount -t proc proc \"$R/proc\"\n")
	for _, m := range mounts {
		switch {
		case m.link != "":
			fmt.Fprintf(&b, "ln -s %s \"$R\"%s\n", quote(m.link), quote(m.at))
		case m.at == "/etc/hosts":
			fmt.Fprintf(&b, "mount --bind %s \"$R\"%s\n", quote(m.from), quote(m.at))
		default:
			fmt.Fprintf(&b, "mkdir -p \"$R\"%s && mount --bind %s \"$R\"%s\n", quote(m.at), quote(m.from), quote(m.at))
		}
	}
	fmt.Fprintf(&b, "exec chroot \"$R\" setpriv --reuid %d --regid %d --clear-groups --pdeathsig KILL %s -f -C %s\n",
		asteriskUID, asteriskUID, quote(program), quote(config))
	return b.String()
}

// writeCLI leaves a script that talks to this Asterisk, as `.run/asterisk/cli core show
// channels`.
func writeCLI(path string, pid int, program, config string) error {
	script := fmt.Sprintf("#!/bin/sh\n# Of the Asterisk that runs now; written at each start.\nexec nsenter --target %d --mount --pid --root --wd -- %s -C %s -rx \"$*\"\n",
		pid, quote(program), quote(config))
	return os.WriteFile(path, []byte(script), 0o755)
}
