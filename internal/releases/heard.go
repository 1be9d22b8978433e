package releases

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Heard sums up what a version is heard with.
type Heard struct {
	Prompts int    `json:"prompts"` // in all languages
	MS      int64  `json:"ms"`
	Codec   string `json:"codec"` // several with commas
}

// heardLimit is for the manifests of hundreds of versions.
const heardLimit = 30 * time.Second

// Heard sums up the manifests of some versions, by name; one without a manifest is not in it.
func (s *Store) Heard(ctx context.Context, releases []string) (map[string]Heard, error) {
	ctx, cancel := context.WithTimeout(ctx, heardLimit)
	defer cancel()
	rows, err := s.pool.Query(ctx, `select r.release, count(*), sum((a->>'ms')::bigint)::bigint, string_agg(distinct a->>'codec', ', ')
		from ivr.releases r, jsonb_path_query(r.manifest, '$.*.*') a where r.release = any($1) group by r.release`, releases)
	if err != nil {
		return nil, fmt.Errorf("ask what the versions are heard with: %w", err)
	}
	all := map[string]Heard{}
	var release string
	var h Heard
	_, err = pgx.ForEachRow(rows, []any{&release, &h.Prompts, &h.MS, &h.Codec}, func() error {
		all[release] = h
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what the versions are heard with: %w", err)
	}
	return all, nil
}
