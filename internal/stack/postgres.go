package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// minPostgres is the oldest major version whose SQL the journal may use.
const minPostgres = 15

// postgresUser is the account that the distribution's package makes: Postgres refuses
// to run as root.
const postgresUser = "postgres"

// findPostgres returns the folder of the newest usable Postgres' programs, or "".
func findPostgres() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // only a bad pattern is an error
	best, newest := "", minPostgres-1
	for _, dir := range dirs {
		major, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err != nil || major <= newest {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			best, newest = dir, major
		}
	}
	return best
}

// postgres brings up a private cluster, unless the user has an own one, and returns the
// URL of the database.
func (s *Stack) postgres(ctx context.Context, o Options, addr string, note func(string, ...any)) (string, error) {
	if o.DatabaseURL != "" {
		note("your own (DATABASE_URL)")
		return o.DatabaseURL, nil
	}
	return s.cluster(ctx, cluster{
		hasty: o.Hasty,
		name:  "postgres", owner: "hotline", dir: filepath.Join(o.Run, "pg"), addr: addr, bin: findPostgres(),
		log: filepath.Join(o.Run, "log", "postgres.log"), initLog: filepath.Join(o.Run, "log", "initdb.log"),
	}, note)
}

// cluster brings a cluster up and returns the URL of its owner's database.
func (s *Stack) cluster(ctx context.Context, c cluster, note func(string, ...any)) (string, error) {
	if err := s.initCluster(ctx, &c); err != nil {
		return "", err
	}
	host, port, _ := strings.Cut(c.addr, ":")
	args := []string{"-D", "/mnt/data", "-c", "listen_addresses=" + host, "-c", "port=" + port,
		"-c", "unix_socket_directories=", "-c", "max_connections=500", "-c", "timezone=UTC", "-c", "log_timezone=UTC"}
	if c.hasty {
		args = append(args, "-c", "fsync=off")
	}
	child, err := s.launch(process{
		name:     c.name,
		args:     c.inside("postgres", args...),
		log:      c.log,
		isolated: true,
		signal:   syscall.SIGINT, // fast shutdown: connections are cut, nothing is lost
		grace:    4 * time.Second,
	})
	if err != nil {
		return "", err
	}
	if err := await(ctx, child, 30*time.Second, func(ctx context.Context) error { return ping(ctx, c.url("postgres", "postgres")) }); err != nil {
		return "", err
	}
	note("%s, %s, data in %s", c.version(), c.addr, c.dir)
	return c.url(c.owner, c.owner), c.createDatabase(ctx)
}

// cluster is a Postgres data folder with its superuser's password beside it.
type cluster struct {
	name         string // of the part
	owner        string // the role and the database in it
	bin, dir     string
	log, initLog string
	addr         string
	password     string
	hasty        bool // see Options.Hasty
}

func (c *cluster) url(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, c.password), Host: c.addr, Path: database, RawQuery: "sslmode=disable"}
	return u.String()
}

func (c *cluster) version() string {
	return "Postgres " + filepath.Base(filepath.Dir(c.bin))
}

// inside is the command line that runs a program of Postgres as its user. The folder is
// mounted on /mnt, in a namespace of its own, because that user may not be able to
// walk to it: checkouts lie in homes that are closed.
func (c *cluster) inside(program string, args ...string) []string {
	script := fmt.Sprintf(`cd / && mount --bind %s /mnt && exec setpriv --reuid %s --regid %s --init-groups --pdeathsig KILL "$@"`,
		quote(c.dir), postgresUser, postgresUser)
	return append([]string{"sh", "-c", script, "sh", filepath.Join(c.bin, program)}, args...)
}

// initCluster makes the data folder the first time. One that was not finished is made
// anew.
func (s *Stack) initCluster(ctx context.Context, c *cluster) error {
	secret, data := filepath.Join(c.dir, "password"), filepath.Join(c.dir, "data")
	if err := needSpace(s.run, 300, "Postgres", "set DATABASE_URL to one of your own"); err != nil {
		return err
	}
	if b, err := os.ReadFile(secret); err == nil {
		c.password = strings.TrimSpace(string(b))
		have, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
		if major := filepath.Base(filepath.Dir(c.bin)); err == nil && strings.TrimSpace(string(have)) != major {
			return fmt.Errorf("%s was made by Postgres %s and this is %s: remove it (`make clean`) or install the old one",
				data, strings.TrimSpace(string(have)), major)
		}
		return err
	}
	account, err := user.Lookup(postgresUser)
	if err != nil {
		return fmt.Errorf("run Postgres as an unprivileged user: %w", err)
	}
	if err := removeTree(c.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	c.password = random(16)
	if err := os.WriteFile(secret+".new", []byte(c.password+"\n"), 0o600); err != nil {
		return err
	}
	for _, path := range []string{c.dir, secret + ".new"} {
		if err := chown(path, account); err != nil {
			return err
		}
	}
	err = s.spawner.run(ctx, process{
		name: "initdb",
		args: c.inside("initdb", "-D", "/mnt/data", "--username=postgres", "--pwfile=/mnt/password.new", "--auth=scram-sha-256",
			"--encoding=UTF8", "--locale=C.UTF-8"),
		log: c.initLog, isolated: true, signal: syscall.SIGKILL, grace: 2 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("make a database folder in %s: %w", c.dir, err)
	}
	return os.Rename(secret+".new", secret) // last: it says that the folder is whole
}

// createDatabase makes the owner and its database where they are missing. The role may make databases, as tests do, and is no superuser, as the server must
// work without.
func (c *cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, step := range []struct{ missing, create string }{
		{"select not exists (select from pg_roles where rolname = '" + c.owner + "')",
			"create role " + c.owner + " login createdb password '" + c.password + "'"},
		{"select not exists (select from pg_database where datname = '" + c.owner + "')",
			"create database " + c.owner + " owner " + c.owner},
	} {
		var missing bool
		if err := conn.QueryRow(ctx, step.missing).Scan(&missing); err != nil {
			return err
		}
		if !missing {
			continue
		}
		if _, err := conn.Exec(ctx, step.create); err != nil {
			return err
		}
	}
	return nil
}

// ping says in one line why the database cannot be used. The URL's password stays out.
func ping(ctx context.Context, databaseURL string) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return errors.New("DATABASE_URL is no Postgres URL; want postgres://user:password@host:port/database")
	}
	where := fmt.Sprintf("DATABASE_URL (%s on %s:%d)", config.Database, config.Host, config.Port)
	const remedy = "mend it, or unset DATABASE_URL to get a private Postgres"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("%s cannot be used: %w; %s", where, reason(err), remedy)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var number int
	if err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&number); err != nil {
		return fmt.Errorf("%s cannot be used: %w; %s", where, err, remedy)
	}
	if number/10000 < minPostgres {
		return fmt.Errorf("%s is Postgres %d, and %d or newer is needed; %s", where, number/10000, minPostgres, remedy)
	}
	return nil
}

func chown(path string, account *user.User) error {
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
