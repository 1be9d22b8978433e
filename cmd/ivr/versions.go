package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"hotline/internal/prompts/build"
	"hotline/internal/releases"
)

func versionsCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "versions",
		Short: "List the versions of the menus: who made which live, when and why",
		Long: `List what was made live, the newest first: versions that were published, and those
that were taken back to, with the seconds and the codec of all its prompts. A version is
named by the hash of all its files; the beginning of the name is enough.`,
		Example: `  ivr versions
  ivr versions --json | jq -r '.[] | select(.live) | .release'
  ivr versions export 3f9a /tmp/older      # its files`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limit := 20
			if all || asJSON {
				limit = 0
			}
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				list, err := listVersions(ctx, releases.NewStore(pool), limit)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
				}
				return printVersions(cmd.OutOrStdout(), list)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON of all, for programs")
	cmd.Flags().BoolVar(&all, "all", false, "all of them (default: the last 20)")
	cmd.AddCommand(exportCommand())
	return cmd
}

// heardVersion is a publication with what it is heard with; nil: a program that kept no
// sounds has published it, and nobody has served it since.
type heardVersion struct {
	releases.Publication
	Heard *releases.Heard `json:"heard,omitempty"`
}

// listVersions gives the last publications, the newest first; limit 0 is all of them.
func listVersions(ctx context.Context, store *releases.Store, limit int) ([]heardVersion, error) {
	list, err := store.List(ctx, limit)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Release)
	}
	heard, err := store.Heard(ctx, names)
	if err != nil {
		return nil, err
	}
	all := make([]heardVersion, len(list))
	for i, p := range list {
		all[i].Publication = p
		if h, there := heard[p.Release]; there {
			all[i].Heard = &h
		}
	}
	return all, nil
}

func printVersions(out io.Writer, list []heardVersion) error {
	if len(list) == 0 {
		fmt.Fprintln(out, "none: nothing has been published yet")
		return nil
	}
	zone, err := reportZone()
	if err != nil {
		return err
	}
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "seconds", Align: text.AlignRight}})
	t.AppendHeader(table.Row{"", "version", "live since", "by", "how", "seconds", "codec", "note"})
	for _, p := range list {
		mark, version, how := "", p.Release, "published"
		if p.Live {
			mark, version = "live", paint(bold, p.Release)
		}
		if p.BackTo > 0 {
			how = "taken back to"
		}
		length, codec := "", ""
		if p.Heard != nil {
			length, codec = fmt.Sprintf("%.1f", float64(p.Heard.MS)/1000), p.Heard.Codec
		}
		t.AppendRow(table.Row{mark, version, clock(p.At, zone), p.Author, how, length, codec, p.Note})
	}
	fmt.Fprintln(out, t.Render())
	return nil
}

func exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export VERSION FOLDER",
		Short: "Write the files and the sounds of a version into a new folder: menus/, prompts/ and audio/",
		Long: `Write the files of a version into a new folder: menus/ and prompts/, and in audio/ the
sounds that it is heard with and their manifest. The studio's recordings are named in
prompts/recordings.sha256; what was made of them is in audio/.`,
		Example: "  ivr versions export 3f9a /tmp/older && ivr diff /tmp/older/menus menus",
		Args:    exactly("VERSION FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				return export(ctx, cmd.OutOrStdout(), releases.NewStore(pool), args[0], args[1])
			})
		},
	}
}

func export(ctx context.Context, out io.Writer, store *releases.Store, version, folder string) error {
	snap, err := store.Open(ctx, version)
	if err != nil {
		return naming(err)
	}
	if err := os.CopyFS(folder, snap.Files()); err != nil {
		return fmt.Errorf("write version %s: %w", snap.Release, err)
	}
	m, err := store.Manifest(ctx, snap.Release)
	if err != nil {
		return err
	}
	if m == nil {
		_, err := fmt.Fprintf(out, "%d files of %s in %s; its sounds were not kept\n", snap.Len(), snap.Release, folder)
		return err
	}
	audio := filepath.Join(folder, "audio")
	done, err := releases.NewSounds(audio).Complete(ctx, store, m)
	if err != nil {
		return fmt.Errorf("write the sounds of version %s: %w", snap.Release, err)
	}
	if err := build.Place(audio, m); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d files and %d sounds of %s in %s\n", snap.Len(), done.Sounds, snap.Release, folder)
	return err
}

// naming makes a version that was named wrongly a mistake of usage.
func naming(err error) error {
	if errors.Is(err, releases.ErrUnknown) || errors.Is(err, releases.ErrAmbiguous) {
		return usageError{err}
	}
	return err
}

func rollbackCommand() *cobra.Command {
	var f authorFlags
	cmd := &cobra.Command{
		Use:   "rollback [VERSION]",
		Short: "Take the menus back to an older version, on every server within 2 seconds",
		Long: `Take the menus back to the version that was published before the live one, or to a
named one (see 'ivr versions'; the beginning of the name is enough). Calls under way go
on with the menus they began with. A rollback holds over restarts, until something is
published again; the files in the folder stay as they are.

Exit codes: 0 live, 1 failed, or the server on this machine does not serve it,
2 wrong usage, or no such version.`,
		Example: `  ivr rollback --note "callers do not find 3 1 1"
  ivr rollback 3f9a`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%s wants at most one VERSION (see '%s --help')", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			version := ""
			if len(args) == 1 {
				version = args[0]
			}
			return withDatabase(cmd.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				store := releases.NewStore(pool)
				before, err := store.Live(ctx)
				if err != nil {
					return err
				}
				p, err := store.TakeBack(ctx, version, f.author, f.note)
				if err != nil {
					return naming(err)
				}
				verb := "taken back to"
				if p.Seq == before.Seq {
					verb = "live already:"
				}
				return tellLive(ctx, cmd.OutOrStdout(), verb, p, f.json)
			})
		},
	}
	f.add(cmd)
	return cmd
}
