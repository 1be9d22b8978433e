package adaptertest_test

import (
	"log/slog"
	"testing"

	"hotline/internal/orders"
	"hotline/internal/orders/adaptertest"
	"hotline/internal/orders/desk"
)

func TestTheSkeletonConforms(t *testing.T) {
	_, p := newBoss(t)
	adaptertest.Run(t, p)
}

// TestAnHonestAdapterOfAPoorBossConforms: what a BOSS cannot do is no fault of its adapter, if it says so.
func TestAnHonestAdapterOfAPoorBossConforms(t *testing.T) {
	b, p := newBoss(t)
	b.forgetful = true
	p.Connect = func(url string, _ *slog.Logger) (desk.Adapter, func(), error) {
		a := newAdapter(url)
		return &broken{Adapter: a, can: &orders.Capabilities{Prices: true}}, a.Close, nil
	}
	adaptertest.Run(t, p)
}
