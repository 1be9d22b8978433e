package desk_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"

	"hotline/internal/orders"
	"hotline/internal/pgtest"
	"hotline/migrations"
)

// database makes a database of its own for one test, with the journal's schema.
func database(t *testing.T) *pgxpool.Config {
	t.Helper()
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 12
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "create schema ivr"); err != nil {
		t.Fatal(err)
	}
	m, err := migrate.NewMigrator(ctx, conn, "ivr.schema_version")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.LoadMigrations(migrations.Files); err != nil {
		t.Fatal(err)
	}
	if err := m.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func connect(t *testing.T, cfg *pgxpool.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// wire is a TCP line to Postgres that can be cut, so that every connection on it
// breaks and no new one is made, and mended.
type wire struct {
	target string
	listen net.Listener
	work   sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// throughWire gives the configuration of the same database over a wire.
func throughWire(t *testing.T, cfg *pgxpool.Config) (*pgxpool.Config, *wire) {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	network, target := pgxNetwork(cfg)
	w := &wire{target: network + " " + target, listen: listen, conns: map[net.Conn]bool{}}
	w.work.Go(w.serve)
	t.Cleanup(func() {
		_ = listen.Close()
		w.set(true)
		w.work.Wait()
	})
	over := cfg.Copy()
	redirect(over, uint16(listen.Addr().(*net.TCPAddr).Port))
	return over, w
}

// redirect makes cfg connect to a port of this machine and nowhere else.
func redirect(cfg *pgxpool.Config, port uint16) {
	c := &cfg.ConnConfig.Config
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = "127.0.0.1", port, nil, nil
}

func pgxNetwork(cfg *pgxpool.Config) (network, address string) {
	c := cfg.ConnConfig.Config
	if strings.HasPrefix(c.Host, "/") {
		return "unix", c.Host + "/.s.PGSQL." + itoa(c.Port)
	}
	return "tcp", net.JoinHostPort(c.Host, itoa(c.Port))
}

func (w *wire) serve() {
	for {
		conn, err := w.listen.Accept()
		if err != nil {
			return
		}
		network, address, _ := strings.Cut(w.target, " ")
		far, err := net.Dial(network, address)
		if err != nil {
			_ = conn.Close()
			continue
		}
		w.mu.Lock()
		if w.cut {
			_, _ = conn.Close(), far.Close()
		}
		w.conns[conn], w.conns[far] = true, true
		w.mu.Unlock()
		for _, pair := range [][2]net.Conn{{conn, far}, {far, conn}} {
			w.work.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				_, _ = pair[0].Close(), pair[1].Close()
			})
		}
	}
}

// set cuts the wire or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			_ = c.Close()
		}
		clear(w.conns)
	}
}

// eventually waits until check finds nothing to complain about any more.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := check()
		if problem == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still after 20 s: %s", problem)
		}
	}
}

// seal is what the journal does, but for the encryption: here it is no secret.
func seal(n orders.MSISDN) orders.Sealed {
	mac := hmac.New(sha256.New, []byte("a key for tests"))
	mac.Write([]byte(n.Reveal()))
	return orders.Sealed{Masked: n.String(), Hash: mac.Sum(nil), Enc: []byte("sealed " + n.Reveal())}
}

func unseal(enc []byte) (orders.MSISDN, error) {
	return orders.ParseMSISDN(strings.TrimPrefix(string(enc), "sealed "))
}
