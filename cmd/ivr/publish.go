package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"hotline/internal/journal"
	"hotline/internal/releases"
)

// authorFlags say who changes something, why, and how that is told.
type authorFlags struct {
	author, note string
	json         bool
}

func (f *authorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.author, "author", osUser(), "who does it")
	cmd.Flags().StringVar(&f.note, "note", "", "why, for colleagues")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, for programs")
}

// osUser is the user of the terminal, also behind sudo.
func osUser() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func publishCommand() *cobra.Command {
	var f authorFlags
	var at place
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Make the menus live as they are in the folder, if nothing is wrong with them",
		Long: `Check the menus and texts, make their audio, store all of it in Postgres as a version, and
make it live on every server within 2 seconds of that. Calls under way go on with the menus they
began with. The audio is made in AUDIO, or without it in the user's cache folder, in the codec
of CODEC, or without it in that of what is live.

A running server does this by itself whenever a file of its own folder is saved. What
has a mistake is refused, and what was live stays.

Exit codes: 0 live, 1 refused, or the server on this machine does not serve it,
2 wrong usage.`,
		Example: `  ivr publish --note "new price of caller ID"
  MENUS=drafts/menus ivr publish --author li`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if at.codec, err = codecNamed("CODEC", os.Getenv("CODEC")); err != nil {
				return usageError{err}
			}
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				progress, wipe := progressBar(cmd.ErrOrStderr(), "making the audio")
				at.progress = progress
				defer wipe()
				return publish(ctx, cmd.OutOrStdout(), releases.NewStore(pool), at, f)
			})
		},
	}
	f.add(cmd)
	addPlace(cmd, &at)
	return cmd
}

// addPlace adds the flags for where the files are.
func addPlace(cmd *cobra.Command, at *place) {
	cmd.Flags().StringVar(&at.menus, "menus", cmp.Or(os.Getenv("MENUS"), "menus"), "folder of menus, or one menu (env MENUS)")
	cmd.Flags().StringVar(&at.texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	at.audio, at.play = os.Getenv("AUDIO"), proveHere
}

func publish(ctx context.Context, out io.Writer, store *releases.Store, at place, f authorFlags) error {
	snap, err := releases.Take(at.menus, at.texts)
	if err != nil {
		return err
	}
	if err := at.check(ctx, snap); err != nil {
		return fmt.Errorf("not published, what is live stays:\n%w", err)
	}
	if err := stage(ctx, store, at, snap); err != nil {
		return fmt.Errorf("not published, what is live stays:\n%w", err)
	}
	p, err := store.Publish(ctx, snap, f.author, f.note)
	if err != nil {
		return err
	}
	return tellLive(ctx, out, "published", p, f.json)
}

// stage has Postgres keep what a snapshot is heard with, unless it has. What is said
// in what is live now, in the same words, keeps its sound.
func stage(ctx context.Context, store *releases.Store, at place, snap *releases.Snapshot) error {
	held, err := store.Manifest(ctx, snap.Release)
	if err != nil || held != nil {
		return err
	}
	if at.audio == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for the audio (or name one in AUDIO): %w", err)
		}
		at.audio = filepath.Join(cache, "hotline", "audio")
	}
	sounds := releases.NewSounds(at.audio)
	now, err := store.Live(ctx)
	if err == nil {
		at.keep, err = store.Manifest(ctx, now.Release)
	}
	if err != nil && !errors.Is(err, releases.ErrNone) {
		return err
	}
	_, _ = sounds.Complete(ctx, store, at.keep) // what cannot be had is made anew
	_, m, err := at.content(ctx, snap, nil)
	if err != nil {
		return err
	}
	_, err = store.Stage(ctx, snap, m, sounds.Open)
	return err
}

// tellLive says what was made live, and waits until the server on this machine
// serves it.
func tellLive(ctx context.Context, out io.Writer, verb string, p releases.Publication, asJSON bool) error {
	began := time.Now()
	state, err := awaitLive(ctx, p.Release)
	took := time.Since(began).Round(10 * time.Millisecond)
	if asJSON {
		told := map[string]any{"publication": p, "served": err == nil}
		if err != nil {
			told["why"] = err.Error()
		}
		if encodeErr := json.NewEncoder(out).Encode(told); encodeErr != nil {
			return encodeErr
		}
		if err != nil && !errors.Is(err, errNoServer) {
			return exitError(1)
		}
		return nil
	}
	fmt.Fprintf(out, "%s %s by %s%s\n", verb, p.Release, p.Author, note(p.Note))
	switch {
	case errors.Is(err, errNoServer):
		fmt.Fprintf(out, "no server answers at %s (HTTP_ADDR); those elsewhere serve it within 2 seconds\n", serverAddr())
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "the server at %s serves it, %v later\n", serverAddr(), took)
	if folder := state.Status.Menus.Folder; folder != p.Release {
		fmt.Fprintf(out, "its folder has another version (%s); what is saved there next is published\n", cmp.Or(folder, "one that cannot be read"))
	}
	return nil
}

// awaitLive waits until the server on this machine serves a release.
func awaitLive(ctx context.Context, release string) (serverState, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for quiet := time.Now(); ; { // since then it has not been making the release ready
		state, err := askServer(ctx)
		if err != nil {
			return state, err
		}
		if state.Status.Menus.Live.Release == release {
			return state, nil
		}
		for _, r := range state.Status.Menus.Refused {
			if r.What == "version "+release {
				return state, fmt.Errorf("the server at %s cannot serve it, %s stays live there:\n%s", serverAddr(), state.Status.Menus.Live.Release, r.Why)
			}
		}
		if state.Status.Menus.Next == release {
			quiet = time.Now()
		}
		if time.Since(quiet) > 5*time.Second {
			return state, fmt.Errorf("the server at %s still serves %s; does it use the same DATABASE_URL? (see 'ivr status')", serverAddr(), state.Status.Menus.Live.Release)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return state, fmt.Errorf("the server at %s is still making %s ready, %s stays live there until then (see 'ivr status')", serverAddr(), release, state.Status.Menus.Live.Release)
		}
	}
}

// withDatabase brings the schema up to date, as serve does, and runs one command.
func withDatabase(ctx context.Context, do func(context.Context, *pgxpool.Pool) error) error {
	url, err := databaseURL()
	if err != nil {
		return err
	}
	if _, err := journal.Migrate(ctx, url); err != nil {
		return unreachable(url, err)
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return unreachable(url, err)
	}
	defer pool.Close()
	err = do(ctx, pool)
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		return unreachable(url, err)
	}
	return err
}
