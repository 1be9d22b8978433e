package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/prometheus/client_golang/prometheus"
)

// writing is where something is written.
type writing struct {
	name string
	// read gives all texts there, each with where it is.
	read func(ctx context.Context, each func(where, text string)) error
	// plant writes a secret there, for the search to find.
	plant func(ctx context.Context, secret string) error
}

// secretsReport is what came of the attack.
type secretsReport struct {
	Seed    uint64              `json:"seed"`
	Secrets int                 `json:"secrets"` // typed, each unique
	Given   int                 `json:"given_to_desk"`
	Keys    int                 `json:"keys"`   // of them, typed
	Masked  int                 `json:"masked"` // keys that the journal has as secret ones
	Calls   int                 `json:"calls"`
	Real    int                 `json:"real_calls"`
	Asked   int                 `json:"requests_to_boss"`
	Places  []searched          `json:"places"`
	Broken  map[string][]string `json:"broken,omitempty"`
}

// searched is what was seen of a place.
type searched struct {
	Place string `json:"place"`
	Texts int    `json:"texts"` // rows, files, and the like
	Bytes int    `json:"bytes"`
	Hits  int    `json:"hits"`
	Found bool   `json:"planted_found"`
}

func (r *secretsReport) breaks(what, which string) {
	if r.Broken == nil {
		r.Broken = map[string][]string{}
	}
	r.Broken[what] = append(r.Broken[what], which)
}

// search looks for the secrets in all places, then for one that it puts into each.
func (a *secretsAttack) search(ctx context.Context) (*secretsReport, error) {
	r := &secretsReport{Seed: a.seed, Secrets: int(a.purse.typed.Load()), Given: int(a.verified.Load()), Keys: a.keys, Real: a.placed, Asked: a.tap.met}
	err := a.pool.QueryRow(ctx, `select (select count(*) from ivr.calls),
		(select count(*) from ivr.steps where kind = 'key' and detail->>'key' = '•')`).Scan(&r.Calls, &r.Masked)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	places := a.places()
	for _, p := range places {
		seen := searched{Place: p.name}
		hits, err := a.look(ctx, p, &seen)
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", p.name, err)
		}
		for _, where := range hits {
			r.breaks("secrets in "+p.name, where)
		}
		seen.Hits = len(hits)
		r.Places = append(r.Places, seen)
	}
	defer func() { _ = os.Remove(filepath.Join(a.asteriskLogs(), planted)) }() // the folder is not ours
	for i, p := range places {                                                 // all have been searched before anything is planted
		if err := p.plant(ctx, a.purse.password()); err != nil {
			return nil, fmt.Errorf("plant a secret in %s: %w", p.name, err)
		}
		hits, err := a.look(ctx, p, &searched{})
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", p.name, err)
		}
		if r.Places[i].Found = len(hits) > r.Places[i].Hits; !r.Places[i].Found {
			r.breaks("the search is blind", p.name)
		}
	}
	r.strength(a.secretsFlags)
	return r, nil
}

// look gives where a place tells a secret.
func (a *secretsAttack) look(ctx context.Context, p writing, seen *searched) (hits []string, err error) {
	err = p.read(ctx, func(where, text string) {
		seen.Texts++
		seen.Bytes += len(text)
		if a.purse.in(text) {
			hits = append(hits, where) // and not the text, which would be the next place
		}
	})
	return hits, err
}

// strength tells what the attack was too weak in to prove anything.
func (r *secretsReport) strength(f secretsFlags) {
	weak := func(is bool, format string, args ...any) {
		if is {
			r.breaks("too weak", fmt.Sprintf(format, args...))
		}
	}
	weak(r.Secrets < f.secrets, "%d secrets instead of %d", r.Secrets, f.secrets)
	weak(10*r.Real < 9*f.calls, "%d real calls instead of %d", r.Real, f.calls)
	// A caller who hangs up or is cut off types into nothing; most keys come to a question.
	weak(10*r.Masked < 8*r.Keys, "the journal has %d secret keys of %d typed", r.Masked, r.Keys)
	weak(r.Asked < f.secrets/5, "the BOSS was asked %d times", r.Asked)
	for _, p := range r.Places {
		weak(p.Texts == 0, "there was nothing to search in %s", p.Place)
	}
}

func (a *secretsAttack) places() []writing {
	logs := a.asteriskLogs()
	metrics := writing{name: "metrics", read: func(_ context.Context, each func(where, text string)) error {
		families, err := a.registry.Gather()
		for _, f := range families {
			each(f.GetName(), f.String())
		}
		each("the server of the real calls", a.published)
		return err
	}, plant: func(_ context.Context, secret string) error {
		return a.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "planted", ConstLabels: prometheus.Labels{"secret": secret},
		}, func() float64 { return 1 }))
	}}
	access := a.files("request lines and headers to the BOSS", a.dir, "access.log")
	access.plant = func(ctx context.Context, secret string) error {
		tap, err := newTap(a.boss.addr, filepath.Join(a.dir, "access.log"))
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+tap.addr()+"/?password="+secret, nil)
		if err != nil {
			return err
		}
		req.Close = true // else the tap waits for the next request
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return errors.Join(err, tap.close())
	}
	all := []writing{
		a.tables("tables of the hotline", a.pool), a.tables("tables of the BOSS", a.shop), a.keysInARow(),
		a.files("spool", filepath.Join(a.dir, "kept"), "*"), a.files("logs", a.dir, "*.log"), access, metrics,
	}
	if a.calls > 0 {
		all = append(all, a.files("what Asterisk writes", logs, "*"), a.digitsInARow(logs))
	}
	return all
}

// asteriskLogs is the folder that Asterisk writes to, the record of its calls included.
func (a *secretsAttack) asteriskLogs() string { return filepath.Dir(filepath.Dir(a.set.cdrFile)) }

// files are those below a folder that have a name like pattern. To plant is to write one more.
func (a *secretsAttack) files(name, dir, pattern string) writing {
	return writing{name: name, read: func(_ context.Context, each func(where, text string)) error {
		return eachFile(dir, pattern, each)
	}, plant: func(_ context.Context, secret string) error {
		return plantFile(dir, pattern, `{"msg":"planted","secret":"`+secret+`"}`)
	}}
}

func eachFile(dir, pattern string, each func(where, text string)) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.Type().IsRegular() {
			return nil // it has just been taken away, or it is a socket
		}
		if err != nil {
			return err
		}
		if like, err := filepath.Match(pattern, entry.Name()); err != nil || !like {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			each(path, string(text))
		}
		return err
	})
}

// planted is the name of a file that the search itself has written.
const planted = "planted-secret"

// plantFile writes a file that is taken away with the folder of the attack, or, where
// somebody else's folder is searched, when it is over.
func plantFile(dir, pattern, text string) error {
	name := strings.ReplaceAll(pattern, "*", planted)
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
}

// tables are all rows of all tables of a database. Bytes are written as hexadecimal
// digits there, which the search knows.
func (a *secretsAttack) tables(name string, pool *pgxpool.Pool) writing {
	list := func(ctx context.Context) ([]string, error) {
		rows, _ := pool.Query(ctx, `select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`)
		return pgx.CollectRows(rows, pgx.RowTo[string])
	}
	return writing{name: name, read: func(ctx context.Context, each func(where, text string)) error {
		all, err := list(ctx)
		for _, t := range all {
			rows, _ := pool.Query(ctx, "select t::text from "+t+" t")
			var row string
			_, failed := pgx.ForEachRow(rows, []any{&row}, func() error { each(t, row); return nil })
			err = errors.Join(err, failed)
		}
		return err
	}, plant: func(ctx context.Context, secret string) error {
		_, err := pool.Exec(ctx, "create table public.planted as select jsonb_build_object('secret', $1::text) as what", secret)
		return err
	}}
}

// keysInARow are the keys of each call as the journal has them: a secret that is
// recorded key by key is in no single row.
func (a *secretsAttack) keysInARow() writing {
	return writing{name: "keys of each call, in a row", read: func(ctx context.Context, each func(where, text string)) error {
		rows, _ := a.pool.Query(ctx, `select call_id::text, string_agg(detail->>'key', '' order by seq) from ivr.steps where kind = 'key' group by call_id`)
		var call, keys string
		_, err := pgx.ForEachRow(rows, []any{&call, &keys}, func() error { each(call, keys); return nil })
		return err
	}, plant: func(ctx context.Context, secret string) error {
		_, err := a.pool.Exec(ctx, `
			update ivr.steps s set detail = jsonb_set(s.detail, '{key}', to_jsonb(substr($1, k.n::int, 1)))
			from (select call_id, seq, row_number() over (order by seq) as n from ivr.steps where kind = 'key' and call_id = (
				select call_id from ivr.steps where kind = 'key' group by call_id having count(*) >= length($1) limit 1)) k
			where s.call_id = k.call_id and s.seq = k.seq and k.n <= length($1)`, secret)
		return err
	}}
}

// single is a key as Asterisk's messages quote one: DTMF end '5' received on …
var single = regexp.MustCompile(`(?i)(?:dtmf|digit)[^'"\n]*['"]([0-9*#])['"]`)

// digitsInARow are the keys that Asterisk tells of one by one.
func (a *secretsAttack) digitsInARow(logs string) writing {
	return writing{name: "keys that Asterisk writes one by one", read: func(_ context.Context, each func(where, text string)) error {
		return eachFile(logs, "*", func(path, text string) {
			var row strings.Builder
			for _, m := range single.FindAllStringSubmatch(text, -1) {
				row.WriteString(m[1])
			}
			each(path, row.String())
		})
	}, plant: func(_ context.Context, secret string) error {
		var lines strings.Builder
		for _, key := range secret {
			fmt.Fprintf(&lines, "DTMF[1]: channel.c: DTMF end '%c' received on PJSIP/planted\n", key)
		}
		return plantFile(logs, "*", lines.String())
	}}
}

// show prints the report as tables, and what is broken below them.
func (r *secretsReport) show(out io.Writer) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendRows([]table.Row{
		{"secrets typed, each unique", r.Secrets}, {"passwords given to the Desk at once", r.Given}, {"calls", r.Calls}, {"of them real ones", r.Real},
		{"keys of secrets", r.Keys}, {"of them in the journal, masked", r.Masked}, {"requests to the BOSS", r.Asked},
	})
	fmt.Fprintln(out, t.Render())
	t = table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"searched", "texts", "MB", "secrets", "one that was put there"})
	for _, p := range r.Places {
		t.AppendRow(table.Row{p.Place, p.Texts, fmt.Sprintf("%.1f", float64(p.Bytes)/1e6), p.Hits, map[bool]string{true: "found", false: "not found"}[p.Found]})
	}
	fmt.Fprintln(out, t.Render())
	return showBroken(out, painter(out), r.Broken, r.Seed, "no secret is anywhere")
}
