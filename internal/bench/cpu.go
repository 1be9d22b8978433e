package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time that each part has used. Others is everything else on
// the machine, the callers excepted: what disturbs the measurement.
type CPU struct {
	Asterisk, Server, Postgres, Others time.Duration
}

func (c CPU) minus(d CPU) CPU {
	return CPU{c.Asterisk - d.Asterisk, c.Server - d.Server, c.Postgres - d.Postgres, c.Others - d.Others}
}

func (c CPU) plus(d CPU) CPU {
	return CPU{c.Asterisk + d.Asterisk, c.Server + d.Server, c.Postgres + d.Postgres, c.Others + d.Others}
}

func (c CPU) times(f float64) CPU {
	t := func(d time.Duration) time.Duration { return time.Duration(float64(d) * f) }
	return CPU{t(c.Asterisk), t(c.Server), t(c.Postgres), t(c.Others)}
}

// Meter reads the processor time of the parts, by process id. Postgres is the id of
// its first process, 0 where it is on another machine.
type Meter struct {
	Asterisk, Server, Postgres int
}

// Read gives what the parts have used since they were started.
func (m Meter) Read() (c CPU, err error) {
	if c.Asterisk, err = used(m.Asterisk); err != nil {
		return c, fmt.Errorf("read the processor time of Asterisk: %w", err)
	}
	if c.Server, err = used(m.Server); err != nil {
		return c, fmt.Errorf("read the processor time of the server: %w", err)
	}
	if m.Postgres != 0 {
		if c.Postgres, err = usedByTree(m.Postgres); err != nil {
			return c, fmt.Errorf("read the processor time of Postgres: %w", err)
		}
	}
	callers, err := used(os.Getpid())
	if err != nil {
		return c, fmt.Errorf("read our own processor time: %w", err)
	}
	all, err := busy()
	if err != nil {
		return c, fmt.Errorf("read the machine's processor time: %w", err)
	}
	c.Others = all - c.Asterisk - c.Server - c.Postgres - callers
	return c, nil
}

// tick is 1/USER_HZ, in which /proc counts: the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// busy is what all processors have worked, what a hypervisor took from them included
// (proc(5), /proc/stat: user nice system idle iowait irq softirq steal).
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	sum := 0
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// used is the processor time of a process, to the nanosecond and with its threads
// that have ended, of which Asterisk has at least one a call. /proc/PID/stat counts in
// steps of 10 ms, as much as ten calls cost the server.
//
// The clock's number is what clock_getcpuclockid(3) makes of the process id.
func used(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED: user and system time, as the scheduler counts it
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// usedByTree is that of a process and its children, those that have ended included.
func usedByTree(root int) (time.Duration, error) {
	sum, err := used(root)
	if err != nil {
		return 0, err
	}
	stat, err := readStat(root)
	if err != nil {
		return 0, err
	}
	sum += stat.reaped
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range processes {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		stat, err := readStat(pid)
		if err != nil || stat.parent != root {
			continue // not a child, or ended a moment ago: then it is counted as such next time
		}
		if own, err := used(pid); err == nil {
			sum += own
		}
	}
	return sum, nil
}

// stat is what we need of /proc/PID/stat (proc(5)).
type stat struct {
	parent int
	reaped time.Duration // of children that have been waited for
}

func readStat(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The name stands in parentheses and may have anything in it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return s, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var n [3]int
	for i, f := range []string{fields[1], fields[13], fields[14]} {
		if n[i], err = strconv.Atoi(f); err != nil {
			return s, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return stat{parent: n[0], reaped: time.Duration(n[1]+n[2]) * tick}, nil
}

// ErrNobody: no process of this machine listens there.
var ErrNobody = errors.New("no process of this machine listens there")

// Listener finds the process that listens on a TCP address (host:port); the oldest
// one, where several do.
func Listener(addr string) (pid int, err error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	sockets, err := listening(port)
	if err != nil {
		return 0, err
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		if p, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil && (pid == 0 || p < pid) {
			pid = p
		}
	}
	if pid == 0 {
		return 0, fmt.Errorf("%s: %w", addr, ErrNobody)
	}
	return pid, nil
}

// listening gives the sockets that listen on a port, as /proc/PID/fd names them.
func listening(port string) (map[string]bool, error) {
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	suffix := fmt.Sprintf(":%04X", number)
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6 here
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			const listen = "0A"
			if len(f) > 9 && strings.HasSuffix(f[1], suffix) && f[3] == listen {
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	return sockets, nil
}
