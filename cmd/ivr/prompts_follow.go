package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/prompts"
	"hotline/internal/prompts/build"
	"hotline/internal/releases"
)

func promptsFollowCommand(f *promptsFlags) *cobra.Command {
	var audio string
	var once bool
	cmd := &cobra.Command{
		Use:   "follow",
		Short: "Copy every version's sounds to an Asterisk on another host, as they come",
		Long: `Copy every version's sounds from Postgres (DATABASE_URL) into the folder that this
host's Asterisk plays from, until Ctrl-C. It runs beside each Asterisk that does not share the
server's audio folder; the folder is, or is bound at, recording/prompts below Asterisk's
spool directory.

The sounds of a version are copied before it goes live: servers wait for that (SOUNDS_WAIT), and give no
call to an Asterisk that lacks some. What was damaged since is copied again. Each file is
compared with its hash and appears whole. The plain names that the dialplan plays
(zh/sys.failure) lead to the live version's.

Exit codes: 0 stopped as asked, or (--once) all is there; 1 failed; 2 wrong usage.`,
		Example: `  ivr prompts follow --audio /var/spool/asterisk/recording/prompts
  ivr prompts follow --audio /var/spool/asterisk/recording/prompts --once --json | jq .sounds`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if audio == "" {
				return usageError{errors.New("where are the sounds to go? Give --audio or set AUDIO")}
			}
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				f1 := newFollower(releases.NewStore(pool), audio)
				if !once {
					f1.run(ctx, slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil)))
					return nil
				}
				all, err := f1.look(ctx)
				if err != nil {
					return err
				}
				return printFollowed(cmd.OutOrStdout(), all, f.json)
			})
		},
	}
	cmd.Flags().StringVar(&audio, "audio", os.Getenv("AUDIO"), "folder that Asterisk plays from (env AUDIO)")
	cmd.Flags().BoolVar(&once, "once", false, "copy what there is now, and end")
	return cmd
}

// followed is what one look has done.
type followed struct {
	Audio    string `json:"audio"`
	Live     string `json:"live,omitempty"` // the version that plain names lead to; "" for none
	Versions int    `json:"versions"`       // copied, or found to be there
	Sounds   int    `json:"sounds"`         // copied
	Bytes    int64  `json:"bytes"`
	Damaged  int    `json:"damaged"` // of those that were there
}

func printFollowed(out io.Writer, all followed, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(all)
	}
	live := "nothing is live yet"
	if all.Live != "" {
		live = "live is " + all.Live
	}
	_, err := fmt.Fprintf(out, "%d sounds (%.1f MB, %d in place of damaged ones) copied to %s; versions there: %d, %s\n",
		all.Sounds, float64(all.Bytes)/1e6, all.Damaged, all.Audio, all.Versions, live)
	return err
}

// follower keeps one folder as Postgres says.
type follower struct {
	store  *releases.Store
	sounds *releases.Sounds
	audio  string
	there  map[string]bool // versions that have been copied
	live   string          // the version that plain names lead to
	heard  prompts.Manifest
}

func newFollower(store *releases.Store, audio string) *follower {
	return &follower{store: store, sounds: releases.NewSounds(audio), audio: audio, there: map[string]bool{}}
}

// followEvery is how often it is looked, also where Postgres does not tell.
const followEvery = time.Second

// run looks until ctx ends. A look that fails is told of once, and tried again.
func (f *follower) run(ctx context.Context, log *slog.Logger) {
	told := make(chan struct{}, 1)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { f.store.Watch(ctx, told) })
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	log.Info("following", "audio", f.audio)
	for failed := ""; ; {
		all, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != failed:
			failed = err.Error()
			log.Error("sounds cannot be copied now", "audio", f.audio, "err", err)
		case err == nil && failed != "":
			failed = ""
			log.Info("sounds can be copied again", "audio", f.audio)
		}
		if all.Sounds > 0 {
			log.Info("sounds are copied", "audio", f.audio, "sounds", all.Sounds, "bytes", all.Bytes, "damaged", all.Damaged, "live", all.Live)
		}
		select {
		case <-told:
			f.live = "" // a newer program may have added to what it is heard with
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look copies what is missing of the live version, and of those that have come since
// the last look: the newest first, a server waits for it. One that cannot be copied is
// no reason to leave out the others.
func (f *follower) look(ctx context.Context) (all followed, err error) {
	var errs []error
	errs = append(errs, f.followLive(ctx, &all))
	staged, err := f.store.StagedReleases(ctx)
	errs = append(errs, err)
	for _, release := range slices.Backward(staged) {
		if f.there[release] {
			continue
		}
		m, err := f.store.Manifest(ctx, release)
		if err == nil {
			err = f.copy(ctx, m, &all)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("version %s: %w", release, err))
			continue
		}
		f.there[release] = true
	}
	all.Audio, all.Live, all.Versions = f.audio, f.live, len(f.there)
	return all, errors.Join(errs...)
}

// followLive looks at every file of the live version, which may have been damaged since, and
// lets the plain names lead to it.
func (f *follower) followLive(ctx context.Context, all *followed) error {
	p, err := f.store.Live(ctx)
	if errors.Is(err, releases.ErrNone) {
		return nil
	} else if err != nil {
		return err
	}
	if p.Release == f.live {
		return f.copy(ctx, f.heard, all)
	}
	m, err := f.store.Manifest(ctx, p.Release)
	if err != nil || m == nil { // published by a program that kept no sounds
		return err
	}
	if err := f.copy(ctx, m, all); err != nil {
		return fmt.Errorf("live version %s: %w", p.Release, err)
	}
	if err := build.Place(f.audio, m); err != nil {
		return err
	}
	f.live, f.heard, f.there[p.Release] = p.Release, m, true
	return nil
}

func (f *follower) copy(ctx context.Context, m prompts.Manifest, all *followed) error {
	done, err := f.sounds.Complete(ctx, f.store, m)
	all.Sounds += done.Sounds
	all.Bytes += done.Bytes
	all.Damaged += done.Damaged
	return err
}
