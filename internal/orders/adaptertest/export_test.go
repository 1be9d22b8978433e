package adaptertest

import (
	"context"
	"slices"
)

// Some is Problems of the checks named.
func Some(ctx context.Context, p Peer, checks ...string) ([]Problem, error) {
	return problems(ctx, p, func(check string) bool { return slices.Contains(checks, check) })
}
