package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"hotline/internal/source"
)

func checkCommand() *cobra.Command {
	var texts string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [MENU or FOLDER ...]",
		Short: "Say everything that is wrong with menus, before a caller hears it",
		Long: `Read menus and the texts they need as the server would, and name every problem with
its place: file:line:col: message [rule].

Exit codes: 0 no problems, 1 problems, 2 wrong usage.`,
		Example: `  ivr check menus/10086.yaml
  ivr check --json menus | jq '.[].rule'`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				paths = []string{cmp.Or(os.Getenv("MENUS"), "menus")}
			}
			return check(cmd.OutOrStdout(), paths, texts, asJSON)
		},
	}
	cmd.Flags().StringVar(&texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

func check(out io.Writer, paths []string, texts string, asJSON bool) error {
	problems := source.Problems{}
	menus, nodes := 0, 0
	gather := func(err error) error {
		var ps source.Problems
		if err != nil && !errors.As(err, &ps) {
			return err
		}
		problems = append(problems, ps...)
		return nil
	}
	catalog, err := loadPrompts(texts)
	if err := gather(err); err != nil {
		return err
	}
	if err == nil {
		for _, path := range paths {
			trees, err := loadMenus(path, catalog)
			if err := gather(err); err != nil {
				return err
			}
			for _, t := range trees {
				menus++
				nodes += len(t.Nodes)
			}
		}
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(problems); err != nil {
			return err
		}
	} else {
		files := map[string][]string{}
		for _, p := range problems {
			if _, read := files[p.Pos.File]; !read {
				files[p.Pos.File] = lines(p.Pos.File)
			}
			fmt.Fprintln(out, p.Error())
			excerpt(out, p.Pos, files[p.Pos.File])
		}
	}
	if len(problems) > 0 {
		return exitError(1)
	}
	if !asJSON {
		fmt.Fprintf(out, "%d menus, %d nodes: no problems\n", menus, nodes)
	}
	return nil
}

// lines of a file; none where it cannot be read, which is a problem named already.
func lines(file string) []string {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(string(data), "\n")
}

// excerpt prints the line of the source and a caret under the place. Chinese
// characters are two columns wide.
func excerpt(out io.Writer, pos source.Pos, lines []string) {
	if pos.Line < 1 || pos.Line > len(lines) {
		return
	}
	line := []rune(strings.ReplaceAll(strings.Trim(lines[pos.Line-1], "\r\ufeff"), "\t", " "))
	before := line[:min(max(pos.Col-1, 0), len(line))]
	fmt.Fprintf(out, "    %s\n    %s^\n", string(line), strings.Repeat(" ", runewidth.StringWidth(string(before))))
}
