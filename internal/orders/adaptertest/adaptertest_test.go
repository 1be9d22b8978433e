package adaptertest_test

import (
	"testing"

	"hotline/internal/orders/adaptertest"
)

func TestTheSkeletonConforms(t *testing.T) {
	_, p := newBoss(t)
	adaptertest.Run(t, p)
}
