package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
	"hotline/internal/prompts"
)

// connect runs a connection to every Asterisk, and looks on each for the callers
// that an earlier run has left behind; found is closed when there are no more to be found.
func connect(ctx context.Context, work *sync.WaitGroup, set settings, s *served, srv *ivr.Server, log *slog.Logger, registry prometheus.Registerer) (nodes map[string]*asterisk.Conn, found <-chan struct{}, err error) {
	audio, err := filepath.Abs(set.audio) // as prompts are named, see withAudio
	if err != nil {
		return nil, nil, err
	}
	nodes = map[string]*asterisk.Conn{}
	var looking sync.WaitGroup
	for i, url := range set.ariURLs {
		name := fmt.Sprintf("asterisk-%d", i+1)
		conn := asterisk.New(asterisk.Options{
			URL: strings.TrimSpace(url), User: set.ariUser, Password: set.ariPassword, App: set.app,
			Node: name, Log: log, Registerer: registry, Sounds: s.played, Folder: set.sounds, Audio: audio,
			Memory: filepath.Join(set.spool, name+".sounds"),
		}, func(ch *asterisk.Channel, a asterisk.Arrival) { srv.Arrive(ctx, ch, a) })
		nodes[name] = conn
		work.Go(func() {
			if err := conn.Run(ctx); err != nil {
				log.Error("asterisk cannot be reached for good", "node", name, "err", err)
			}
		})
		if set.standbyFor != "" {
			work.Go(func() { _ = srv.StandBy(ctx, conn, set.standbyFor) }) // it ends with ctx
		}
		looking.Add(1)
		work.Go(func() {
			defer looking.Done()
			if err := srv.Rescue(ctx, conn); err != nil && ctx.Err() == nil {
				log.Error("lost calls could not be looked for", "node", name, "err", err)
			}
		})
	}
	s.nodes.Store(&nodes)
	all := make(chan struct{})
	work.Go(func() {
		looking.Wait()
		close(all)
	})
	return nodes, all, nil
}

// played lists what calls may be played now.
func (s *served) played() []asterisk.Sound { return *s.sounds.Load() }

// sounds are the files of a manifest.
func sounds(m prompts.Manifest) []asterisk.Sound {
	var all []asterisk.Sound
	for _, lang := range slices.Sorted(maps.Keys(m)) {
		for _, id := range slices.Sorted(maps.Keys(m[lang])) {
			all = append(all, asterisk.Sound{Name: m[lang][id].File, SHA256: m[lang][id].SHA256})
		}
	}
	return all
}

// lookAgain is how soon an Asterisk is asked again for sounds that it lacked.
const lookAgain = 500 * time.Millisecond

// everywhere waits until every connected Asterisk has the sounds of a manifest: to those on other
// hosts copies may be on their way. The error names the Asterisk and the file. One that is
// not connected gets no calls now, and is asked before it gets any.
func (s *served) everywhere(ctx context.Context, m prompts.Manifest, patience time.Duration) error {
	nodes := s.nodes.Load()
	if nodes == nil {
		return nil
	}
	wanted, errs := sounds(m), make([]error, len(*nodes))
	var all sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(*nodes)) {
		all.Go(func() {
			if err := arrived(ctx, (*nodes)[name], wanted, patience); err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// arrived waits until one Asterisk has the sounds, or is gone.
func arrived(ctx context.Context, node *asterisk.Conn, wanted []asterisk.Sound, patience time.Duration) error {
	enough := time.Now().Add(patience)
	for {
		if up, _ := node.State(); !up {
			return nil
		}
		err := node.Verify(ctx, wanted)
		if err == nil || time.Now().After(enough) {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
