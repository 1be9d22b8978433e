package releases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/internal/prompts"
)

// Sounds go to Postgres and back in portions, so that a slow line shows as slow and not as
// away, and a question never waits behind 13 MB.
const (
	portion      = 1 << 20 // bytes; a sound that is longer goes alone
	fetchAtOnce  = 32      // sounds of some 20 kB
	portionLimit = 10 * time.Second
)

// ErrDamaged: bytes that are not those that their name, a hash, stands for.
var ErrDamaged = errors.New("the bytes are not what the name says")

// errLost: Postgres should have it.
var errLost = errors.New("not in Postgres")

// Staged is what Stage has done.
type Staged struct {
	Manifest prompts.Manifest // that the version is heard with: the first that was staged with it
	Sounds   int              // sent now
	Bytes    int64
}

// Stage stores a snapshot, and what it is heard with, without making it live. open reads a
// file of the manifest; only those are sent that Postgres lacks, or has damaged. The sounds
// are there before the manifest is, so whoever sees that finds them all. What a version
// has in its manifest stays. The error is ErrDamaged where open gives
// other bytes, or none.
func (s *Store) Stage(ctx context.Context, snap *Snapshot, m prompts.Manifest, open func(file string) ([]byte, error)) (done Staged, err error) {
	if done, err = s.send(ctx, m, open); err == nil {
		done.Manifest, err = s.bind(ctx, snap, m)
	}
	if err != nil {
		return done, fmt.Errorf("stage version %s: %w", snap.Release, err)
	}
	return done, nil
}

// send brings the sounds of a manifest into Postgres.
func (s *Store) send(ctx context.Context, m prompts.Manifest, open func(file string) ([]byte, error)) (sent Staged, err error) {
	lacks, err := s.lacks(ctx, m)
	if err != nil {
		return sent, err
	}
	var waiting portionOf
	flush := func() error {
		if len(waiting.shas) == 0 {
			return nil
		}
		if err := s.insert(ctx, waiting); err != nil {
			return err
		}
		sent.Sounds += len(waiting.shas)
		sent.Bytes += int64(waiting.bytes)
		waiting = portionOf{}
		return nil
	}
	for _, a := range lacks {
		content, err := open(a.File)
		if err != nil {
			return sent, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if prompts.Hash(content) != a.SHA256 {
			return sent, fmt.Errorf("%s: %w", a.File, ErrDamaged)
		}
		if waiting.bytes+len(content) > portion {
			if err := flush(); err != nil {
				return sent, err
			}
		}
		waiting.add(a, content)
	}
	return sent, flush()
}

// portionOf is what one statement sends.
type portionOf struct {
	shas, codecs []string
	contents     [][]byte
	bytes        int
}

func (p *portionOf) add(a prompts.Audio, content []byte) {
	p.shas, p.codecs = append(p.shas, a.SHA256), append(p.codecs, string(a.Codec))
	p.contents, p.bytes = append(p.contents, content), p.bytes+len(content)
}

// insert adds a portion. Servers that send the same do so in the order of the hashes, so
// that none waits for one that waits for it.
func (s *Store) insert(ctx context.Context, p portionOf) error {
	ctx, cancel := context.WithTimeout(ctx, portionLimit)
	defer cancel()
	_, err := s.pool.Exec(ctx, `insert into ivr.sounds as s (sha256, codec, content)
		select * from unnest($1::text[], $2::text[], $3::bytea[])
		on conflict (sha256) do update set codec = excluded.codec, content = excluded.content where s.content <> excluded.content`,
		p.shas, p.codecs, p.contents)
	return err
}

// lacks lists the sounds that Postgres does not have whole, in the order of their hashes. That
// Postgres hashes them takes 7 ms for 12 MB; damage there would else last for ever.
func (s *Store) lacks(ctx context.Context, m prompts.Manifest) ([]prompts.Audio, error) {
	all := bySHA256(sounds(m))
	ctx, cancel := context.WithTimeout(ctx, portionLimit)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select sha256 from ivr.sounds where sha256 = any($1) and sha256 = encode(sha256(content), 'hex')",
		slices.Collect(maps.Keys(all)))
	if err != nil {
		return nil, err
	}
	whole, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for _, sha := range whole {
		delete(all, sha)
	}
	var lacks []prompts.Audio
	for _, sha := range slices.Sorted(maps.Keys(all)) {
		lacks = append(lacks, all[sha][0])
	}
	return lacks, nil
}

// bind gives a version its manifest, and gives the one that it has then. What the first has
// written stays; of a later one only prompts are added that it did not know, as a newer program
// has more parts of spoken numbers.
func (s *Store) bind(ctx context.Context, snap *Snapshot, m prompts.Manifest) (held prompts.Manifest, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into ivr.releases (release, content) values ($1, $2) on conflict do nothing", snap.Release, snap.data); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "select manifest from ivr.releases where release = $1 for update", snap.Release).Scan(&held); err != nil {
			return err
		}
		if !extend(&held, m) {
			return nil
		}
		list, err := json.Marshal(held)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update ivr.releases set manifest = $2 where release = $1", snap.Release, list)
		return err
	})
	return held, err
}

// extend adds to a manifest what it does not know, and tells whether there was anything.
func extend(held *prompts.Manifest, by prompts.Manifest) (more bool) {
	if *held == nil {
		*held, more = prompts.Manifest{}, true
	}
	for lang, of := range by {
		if (*held)[lang] == nil {
			(*held)[lang], more = map[string]prompts.Audio{}, true
		}
		for id, a := range of {
			if _, known := (*held)[lang][id]; !known {
				(*held)[lang][id], more = a, true
			}
		}
	}
	return more
}

// Manifest is what a version is heard with. nil: nobody has staged it, or only a program
// that did not keep sounds.
func (s *Store) Manifest(ctx context.Context, release string) (prompts.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := manifest(ctx, s.pool, release)
	if err != nil {
		return nil, fmt.Errorf("ask for the sounds of version %s: %w", release, err)
	}
	return m, nil
}

func manifest(ctx context.Context, db querier, release string) (prompts.Manifest, error) {
	var m prompts.Manifest
	err := db.QueryRow(ctx, "select manifest from ivr.releases where release = $1", release).Scan(&m)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return m, err
}

// StagedReleases names every version that has a manifest, live, older or about to be
// published.
func (s *Store) StagedReleases(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select release from ivr.releases where manifest is not null order by at, release")
	if err != nil {
		return nil, fmt.Errorf("list the staged versions: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the staged versions: %w", err)
	}
	return all, nil
}

// Fetch gives the content of sounds to put, one after the other. What Postgres does not
// have, or has damaged, is named in the error once the others are put.
func (s *Store) Fetch(ctx context.Context, wanted []prompts.Audio, put func(a prompts.Audio, content []byte) error) error {
	all := bySHA256(wanted)
	var damaged []string
	for shas := range slices.Chunk(slices.Sorted(maps.Keys(all)), fetchAtOnce) {
		err := s.fetch(ctx, shas, func(sha string, content []byte) error {
			files := all[sha]
			delete(all, sha)
			if prompts.Hash(content) != sha {
				damaged = append(damaged, files[0].File)
				return nil
			}
			for _, a := range files {
				if err := put(a, content); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("fetch sounds from Postgres: %w", err)
		}
	}
	var errs []error
	if len(damaged) > 0 {
		slices.Sort(damaged)
		errs = append(errs, fmt.Errorf("damaged in Postgres: %s: %w", few(damaged), ErrDamaged))
	}
	if len(all) > 0 {
		var files []string
		for _, of := range all {
			files = append(files, of[0].File)
		}
		slices.Sort(files)
		errs = append(errs, fmt.Errorf("%w: %s", errLost, few(files)))
	}
	return errors.Join(errs...)
}

// fetch is Fetch of one portion.
func (s *Store) fetch(ctx context.Context, shas []string, take func(sha string, content []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, portionLimit)
	defer cancel()
	rows, err := s.pool.Query(ctx, "select sha256, content from ivr.sounds where sha256 = any($1)", shas)
	if err != nil {
		return err
	}
	var sha string
	var content []byte
	_, err = pgx.ForEachRow(rows, []any{&sha, &content}, func() error { return take(sha, content) })
	return err
}

// sounds are the files of a manifest, in the order of their names.
func sounds(m prompts.Manifest) []prompts.Audio {
	var all []prompts.Audio
	for _, of := range m {
		all = slices.AppendSeq(all, maps.Values(of))
	}
	slices.SortFunc(all, func(a, b prompts.Audio) int { return strings.Compare(a.File, b.File) })
	return all
}

// bySHA256 groups sounds by content: two files may have the same.
func bySHA256(all []prompts.Audio) map[string][]prompts.Audio {
	by := make(map[string][]prompts.Audio, len(all))
	for _, a := range all {
		by[a.SHA256] = append(by[a.SHA256], a)
	}
	return by
}

// sameSounds tells whether two manifests are heard alike.
func sameSounds(a, b prompts.Manifest) bool {
	return maps.EqualFunc(a, b, func(a, b map[string]prompts.Audio) bool {
		return maps.EqualFunc(a, b, func(a, b prompts.Audio) bool { return a.SHA256 == b.SHA256 && a.File == b.File && a.MS == b.MS })
	})
}
