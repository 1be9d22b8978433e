package main

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"hotline/internal/menu/check"
	"hotline/internal/releases"
)

// TestServersThatStartTogetherProveOnce: each of them takes what the first has found; one
// that is stopped meanwhile does not wait for it.
func TestServersThatStartTogetherProveOnce(t *testing.T) {
	x := newExchange(t)
	snap, err := releases.Take(x.at.menus, x.at.texts)
	if err != nil {
		t.Fatal(err)
	}
	var proofs atomic.Int64
	begun, proceed := make(chan struct{}), make(chan struct{})
	x.at.play = func(context.Context, string, string, bool) ([]check.Finding, error) {
		proofs.Add(1)
		close(begun)
		<-proceed
		return nil, nil
	}
	var servers sync.WaitGroup
	for range 5 {
		servers.Go(func() {
			if err := x.at.prove(t.Context(), snap, true); err != nil {
				t.Error(err)
			}
		})
	}
	<-begun
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := x.at.prove(stopped, snap, true); err == nil {
		t.Error("a server that stops waits for the proof of another")
	}
	close(proceed)
	servers.Wait()
	if n := proofs.Load(); n != 1 {
		t.Errorf("%d proofs", n)
	}
}
