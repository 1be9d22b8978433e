package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/journal"
	"hotline/internal/orders/bossd"
)

// scene is what every attack plays on: this very program, started several times over, in a
// folder that is the attack's own.
type scene struct {
	self string // the program
	dir  string // spools, logs, ledger
}

// newScene makes the folder. strike takes it away, unless the attack has failed: then
// it is what tells why.
func newScene(errOut io.Writer) (s scene, strike func(failed error) error, err error) {
	if s.self, err = os.Executable(); err != nil {
		return s, nil, err
	}
	if s.dir, err = os.MkdirTemp("", "ivr-attack-"); err != nil {
		return s, nil, err
	}
	return s, func(failed error) error {
		if failed == nil {
			return os.RemoveAll(s.dir)
		}
		fmt.Fprintf(errOut, "logs, ledger and spool are in %s\n", s.dir)
		return failed
	}, nil
}

// ledger is the file of the BOSS's effects.
func (s *scene) ledger() string { return filepath.Join(s.dir, "ledger") }

// database makes one for this run alone, and gives what drops it.
func (s *scene) database(ctx context.Context, server string, address *string) (drop func() error, err error) {
	return s.copyOf(ctx, server, "", address)
}

// copyOf is database with what the one at another address holds, to which nobody is connected;
// "" for nothing.
func (s *scene) copyOf(ctx context.Context, server, other string, address *string) (drop func() error, err error) {
	own, err := url.Parse(server)
	if err != nil {
		return nil, usageError{errors.New("DATABASE_URL is not of the form postgres://user:password@host:port/database")}
	}
	name := "attack_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	create := "create database " + name
	if model, err := url.Parse(other); err == nil && other != "" {
		create += " template " + pgx.Identifier{strings.TrimPrefix(model.Path, "/")}.Sanitize()
	}
	if err := administer(ctx, server, create); err != nil {
		return nil, fmt.Errorf("make a database for the attack (the role of DATABASE_URL must be allowed to): %w", err)
	}
	own.Path = "/" + name
	*address = own.String()
	return func() error {
		return within(startLong, func(ctx context.Context) error {
			if err := administer(ctx, server, "drop database "+name+" with (force)"); err != nil {
				return fmt.Errorf("drop the database of the attack: %w", err)
			}
			return nil
		})
	}, nil
}

// administer runs one statement on a server of Postgres. A database that autovacuum is just in
// can be dropped by its superuser alone (42501): it is tried again.
func administer(ctx context.Context, server, sql string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return unreachable(server, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for range 100 {
		_, err = conn.Exec(ctx, sql)
		if refused := (*pgconn.PgError)(nil); !errors.As(err, &refused) || refused.Code != "42501" {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
	return err
}

// databases makes one for the hotline and one for the BOSS, and gives what drops both.
func (s *scene) databases(ctx context.Context, server string) (hotel, shop string, drop func() error, err error) {
	dropHotel, err := s.database(ctx, server, &hotel)
	if err != nil {
		return "", "", nil, err
	}
	dropShop, err := s.database(ctx, server, &shop)
	if err != nil {
		return "", "", nil, errors.Join(err, dropHotel())
	}
	return hotel, shop, func() error { return errors.Join(dropShop(), dropHotel()) }, nil
}

// openHotel makes the hotline's tables in a new database, for a part of it that is attacked
// within this process.
func openHotel(ctx context.Context, url string) (*pgxpool.Pool, error) {
	if _, err := journal.Migrate(ctx, url); err != nil {
		return nil, fmt.Errorf("make the tables of the hotline: %w", err)
	}
	return pgxpool.New(ctx, url)
}

// attacked is a process that this attack started.
type attacked struct {
	cmd   *exec.Cmd
	addr  string
	log   string
	ended chan struct{}
}

// launch starts this very program once more.
func (s *scene) launch(name, addr string, env []string, args ...string) (*attacked, error) {
	p := &attacked{addr: addr, log: filepath.Join(s.dir, name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(s.self, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Neither may outlive an attack that is killed itself.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ends is this attack's doing
		close(p.ended)
	}()
	return p, nil
}

// kill ends it as a crash does, and waits until it is gone.
func (p *attacked) kill() {
	_ = p.cmd.Process.Kill() // an error says that it has gone
	<-p.ended
}

// stop asks it to end, and insists after a while.
func (p *attacked) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(apologyFor + closeLimit):
		p.kill()
	}
}

// startLong is how long a start may take on a busy machine, whose first one proves the menus; or
// the drop of a database, which waits for a checkpoint of them all.
const startLong = 2 * time.Minute

// ready waits until it answers a path with 200, or has ended.
func (p *attacked) ready(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startLong)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+path, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return nil // a server that was to be killed early; whoever waits for it notices
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: see %s", strings.Join(p.cmd.Args[1:], " "), p.log)
		}
	}
}

// gauge asks a server for one of its metrics, by name.
func (p *attacked) gauge(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the server for %s: %w", name, err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("ask the server for %s: it has none, %w", name, cmp.Or(lines.Err(), io.EOF))
}

// startBoss starts the BOSS, which takes so long for every order.
func (s *scene) startBoss(ctx context.Context, database string, takes time.Duration) (*attacked, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := s.bossAt(ctx, addr, database)
	if err != nil {
		return nil, err
	}
	if err := p.fault(ctx, bossd.Fault{Operation: bossd.Submit, Mode: bossd.Delay, DelayMS: takes.Milliseconds()}); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// bossAt starts the BOSS at an address, with what one that died has left in the database and
// in the ledger. It does everything right until it is told otherwise.
func (s *scene) bossAt(ctx context.Context, addr, database string) (*attacked, error) {
	p, err := s.launch("boss", addr, []string{"BOSS_DATABASE_URL=" + database}, "boss", "--listen", addr, "--ledger", s.ledger())
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, "/faults"); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// fault tells a BOSS what to do wrong.
func (p *attacked) fault(ctx context.Context, f bossd.Fault) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return p.faults(ctx, http.MethodPost, bytes.NewReader(body), &f)
}

// faults asks the fault switch of a BOSS, and decodes what it answers.
func (p *attacked) faults(ctx context.Context, method string, body io.Reader, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+"/faults", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("switch the faults of the BOSS: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("switch the faults of the BOSS: it answers %s", resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// readLedger is what the BOSS says that it has done, in its own order.
func (s *scene) readLedger() (effects []bossd.Effect, err error) {
	text, err := os.ReadFile(s.ledger())
	if err != nil {
		return nil, fmt.Errorf("read the BOSS's ledger: %w", err)
	}
	for line := range bytes.Lines(text) {
		var e bossd.Effect
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read the BOSS's ledger: %w", err)
		}
		effects = append(effects, e)
	}
	return effects, nil
}
