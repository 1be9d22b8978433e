package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

func testCommand() *cobra.Command {
	var r testRun
	var texts string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test [MENU, FOLDER or TRANSCRIPT ...]",
		Short: "Play the transcripts beside menus, and show what menus do otherwise now",
		Long: `Play the transcripts beside menus, and show what menus do otherwise now.

A transcript is a call as it is to be: the caller's lines begin with ">", the lines
between them are what the hotline does (see 'ivr sim --transcript'). They are the files
transcripts/*.txt beside the menus. Where there are several menus, a transcript says
in its first lines which one it is about:   # menu: 10086

The caller's lines:
` + transcript.Syntax + `

Exit codes: 0 all do as written, 1 some do not (or, with --update, cannot be played),
2 wrong usage.`,
		Example: `  ivr test menus
  ivr test menus/transcripts/balance.txt
  ivr test menus --run order          # those with "order" in their name
  ivr test menus --update             # then read the diff, as the menu's author`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				paths = []string{cmp.Or(os.Getenv("MENUS"), "menus")}
			}
			catalog, err := loadPrompts(texts)
			if err != nil {
				return err
			}
			for _, path := range paths {
				if err := r.path(path, catalog); err != nil {
					return err
				}
			}
			if len(r.results) == 0 {
				named := ""
				if r.only != "" {
					named = fmt.Sprintf(" with %q in their names", r.only)
				}
				return fmt.Errorf("no transcripts%s at %s: they are the files %s/*.txt beside the menus", named, strings.Join(paths, ", "), transcripts)
			}
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(r.results)
			} else {
				err = r.print(cmd.OutOrStdout())
			}
			if err == nil && r.failed() > 0 {
				return exitError(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().StringVar(&r.only, "run", "", "only the transcripts with this in their file's name")
	cmd.Flags().BoolVar(&r.update, "update", false, "write what the menus do now into the transcripts")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return cmd
}

// testRun plays transcripts and keeps what came of them.
type testRun struct {
	only    string
	update  bool
	results []testResult
}

// testResult is what came of one transcript.
type testResult struct {
	File    string `json:"file"`
	Menu    string `json:"menu,omitempty"` // "" where it is not known which
	OK      bool   `json:"ok"`
	Updated bool   `json:"updated,omitempty"`
	Turns   []turn `json:"turns,omitempty"` // those after which the menu does something else
	Error   string `json:"error,omitempty"` // why it cannot be played
}

func (r *testRun) failed() int {
	n := 0
	for _, t := range r.results {
		if !t.OK {
			n++
		}
	}
	return n
}

const transcripts = "transcripts"

// path plays what one argument names: a transcript, or those beside a menu or in a folder.
func (r *testRun) path(path string, catalog *prompts.Catalog) error {
	path = filepath.Clean(path)
	menus, files := path, []string(nil)
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("nothing at %s: name a menu's file, a folder of menus or a transcript", path)
	case err != nil:
		return fmt.Errorf("find the transcripts: %w", err)
	case !info.IsDir() && filepath.Ext(path) == ".txt":
		menus, files = menusOf(path), []string{path}
	case info.IsDir() && filepath.Base(path) == transcripts:
		menus = filepath.Dir(path)
	}
	trees, err := loadMenus(menus, catalog)
	if err != nil {
		return err
	}
	if files == nil {
		if files, err = besides(menus); err != nil {
			return fmt.Errorf("find the transcripts: %w", err)
		}
	}
	one := filepath.Ext(menus) == ".yaml"
	for _, file := range files {
		if !strings.Contains(filepath.Base(file), r.only) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a transcript: %w", err)
		}
		if about := menuOf(string(text)); one && about != "" && about != trees[0].Name {
			continue
		}
		result, err := r.play(file, string(text), trees)
		if err != nil {
			return err
		}
		r.results = append(r.results, result)
	}
	return nil
}

// menusOf is the folder whose transcripts the file is one of.
func menusOf(file string) string {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if filepath.Base(dir) == transcripts {
			return filepath.Dir(dir)
		}
		if dir == filepath.Dir(dir) {
			return filepath.Dir(file)
		}
	}
}

// besides lists the transcripts beside a menu or in its folder, in folders below too.
func besides(menus string) ([]string, error) {
	if filepath.Ext(menus) == ".yaml" {
		menus = filepath.Dir(menus)
	}
	var files []string
	err := filepath.WalkDir(filepath.Join(menus, transcripts), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".txt" {
			files = append(files, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // said by print: none
	}
	return files, err
}

var menuComment = regexp.MustCompile(`^#\s*menu:\s*(\S+)\s*$`)

// menuOf is the menu that a transcript names in the comments at its top; "" for none.
func menuOf(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := menuComment.FindStringSubmatch(line); m != nil {
			return m[1]
		}
		if line != "" && line[0] != '#' {
			break
		}
	}
	return ""
}

// play plays one transcript. The error is about the file, not about the menu.
func (r *testRun) play(file, text string, trees []*tree.Tree) (testResult, error) {
	result := testResult{File: file}
	t, err := treeOf(menuOf(text), trees)
	if err != nil {
		result.Error = err.Error()
		return result, nil
	}
	result.Menu = t.Name
	now, err := transcript.Run(t, text)
	if err != nil {
		// What lines there are, which follows, is in the help.
		result.Error, _, _ = strings.Cut(err.Error(), "; one of:\n")
		return result, nil
	}
	result.Turns = differences(text, now)
	result.OK = len(result.Turns) == 0
	if r.update && !result.OK {
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			return result, fmt.Errorf("write the transcript: %w", err)
		}
		result.OK, result.Updated = true, true
	}
	return result, nil
}

func treeOf(name string, trees []*tree.Tree) (*tree.Tree, error) {
	names := make([]string, len(trees))
	for i, t := range trees {
		if names[i] = t.Name; t.Name == name {
			return t, nil
		}
	}
	slices.Sort(names)
	switch {
	case name != "":
		return nil, fmt.Errorf("no menu %q here (there is %s)", name, strings.Join(names, ", "))
	case len(trees) > 1:
		return nil, fmt.Errorf("which menu? Begin with \"# menu: %s\" (there is %s)", names[0], strings.Join(names, ", "))
	}
	return trees[0], nil
}

// turn is a line of the caller after which the menu does something else. The
// caller's lines are the same in both, so that each turn is compared for itself.
type turn struct {
	Line    int      `json:"line"`   // of the caller's line in the file
	Caller  string   `json:"caller"` // "" for what stands before the first
	Written []string `json:"written"`
	Now     []string `json:"now"`

	at []int // lines of Written in the file
}

// first is the line that the menu has no longer, or before which it has more.
func (t turn) first() int {
	same := 0
	for same < min(len(t.Written), len(t.Now)) && t.Written[same] == t.Now[same] {
		same++
	}
	switch {
	case same < len(t.at):
		return t.at[same]
	case same > 0:
		return t.at[same-1] + 1
	}
	return t.Line + 1
}

// turnsOf cuts a transcript before every line of the caller. Comments are for
// people: where they stand says nothing about the menu.
func turnsOf(text string) []turn {
	turns := []turn{{Line: 1}}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '>':
			turns = append(turns, turn{Line: i + 1, Caller: line})
		default:
			last := &turns[len(turns)-1]
			last.Written, last.at = append(last.Written, line), append(last.at, i+1)
		}
	}
	return turns
}

// differences are the turns of written after which now goes on otherwise.
func differences(written, now string) []turn {
	var different []turn
	after := turnsOf(now)
	for i, t := range turnsOf(written) {
		if t.Now = after[i].Written; !slices.Equal(t.Written, t.Now) {
			different = append(different, t)
		}
	}
	return different
}

// print shows what both have in common at its beginning and its end once.
func (t turn) print(out io.Writer, paint func(colour, string) string) {
	fmt.Fprintf(out, "      %s\n", paint(bold, cmp.Or(t.Caller, "(before the call)")))
	same := 0
	for same < min(len(t.Written), len(t.Now)) && t.Written[same] == t.Now[same] {
		same++
	}
	end := 0
	for end < min(len(t.Written), len(t.Now))-same && t.Written[len(t.Written)-1-end] == t.Now[len(t.Now)-1-end] {
		end++
	}
	for _, line := range t.Written[:same] {
		fmt.Fprintf(out, "        %s\n", paint(faint, line))
	}
	for _, line := range t.Written[same : len(t.Written)-end] {
		fmt.Fprintf(out, "    %s\n", paint(red, "-   "+line))
	}
	for _, line := range t.Now[same : len(t.Now)-end] {
		fmt.Fprintf(out, "    %s\n", paint(green, "+   "+line))
	}
	for _, line := range t.Written[len(t.Written)-end:] {
		fmt.Fprintf(out, "        %s\n", paint(faint, line))
	}
}

// turnsShown of one transcript: what comes after the first difference mostly follows from it.
const turnsShown = 3

func (r *testRun) print(out io.Writer) error {
	paint := painter(out)
	updated, failed := 0, r.failed()
	for _, t := range r.results {
		switch {
		case t.Error != "":
			fmt.Fprintf(out, "%s %s: %s\n\n", paint(red, "cannot be played"), t.File, t.Error)
		case t.Updated:
			updated++
			fmt.Fprintf(out, "%s %s\n", paint(yellow, "rewritten"), t.File)
		case !t.OK:
			fmt.Fprintf(out, "%s %s:%d: menu %s\n", paint(red, "otherwise"), t.File, t.Turns[0].first(), t.Menu)
			for i, turn := range t.Turns {
				if i == turnsShown {
					fmt.Fprintf(out, "      … and after %d more lines of the caller\n", len(t.Turns)-i)
					break
				}
				turn.print(out, paint)
			}
			fmt.Fprintln(out)
		}
	}
	fmt.Fprintf(out, "%d transcripts: %d as written", len(r.results), len(r.results)-failed-updated)
	if updated > 0 {
		fmt.Fprintf(out, ", %d rewritten (read what changed before you commit it)", updated)
	}
	if failed > 0 {
		fmt.Fprintf(out, ", %s", paint(red, fmt.Sprintf("%d not", failed)))
		if !r.update {
			fmt.Fprint(out, "  (- as written, + as the menu does now; 'ivr test --update' writes it)")
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}
