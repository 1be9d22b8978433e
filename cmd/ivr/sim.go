package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/menu"
	"hotline/internal/menu/transcript"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

const simHelp = `Type keys (0-9 * #) and Enter to press them; Enter alone waits: until the
announcement ends, then until the time for a key is over, or until the BOSS answers.
Other words:
  hangup                           hang up
  answer rejected/already_open     what the BOSS answers instead of success
  answer success/confirmed balance=money:5850
  timeout, lost, stopping          the call's limit, the switch, the server
  help, quit`

func simCommand() *cobra.Command {
	var texts, keys string
	var script bool
	cmd := &cobra.Command{
		Use:   "sim MENU",
		Short: "Walk a menu in the terminal, without Asterisk or Postgres",
		Long: `Walk a menu in the terminal, without Asterisk or Postgres. What a caller would
hear is printed as text; the BOSS answers every order with success unless told otherwise.

` + simHelp + `

With --transcript the caller's side is read from standard input as in menus/transcripts,
and the whole transcript is printed. Exit codes: 0 done, 1 the menu has problems, 2 wrong usage.`,
		Example: `  ivr sim menus/10086.yaml
  ivr sim menus/10086.yaml --keys "3 1 1 1"
  ivr sim menus/10086.yaml --transcript < menus/transcripts/balance.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return usageError{errors.New("sim: which menu? e.g. ivr sim menus/10086.yaml")}
			case script && keys != "":
				return usageError{errors.New("sim: --keys and --transcript exclude each other")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			catalog, err := loadPrompts(texts)
			if err != nil {
				return err
			}
			trees, err := loadMenus(args[0], catalog)
			if err != nil {
				return err
			}
			if len(trees) > 1 {
				return usageError{fmt.Errorf("sim: %d menus in %s; name the file of one", len(trees), args[0])}
			}
			if script {
				return simTranscript(cmd.InOrStdin(), cmd.OutOrStdout(), trees[0])
			}
			s := newSim(cmd.OutOrStdout(), trees[0], catalog)
			if keys != "" {
				return s.press(strings.Fields(keys))
			}
			return s.talk(cmd.Context(), cmd.InOrStdin())
		},
	}
	cmd.Flags().StringVar(&texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().StringVar(&keys, "keys", "", `press these keys, each when the announcement before it has begun, e.g. "3 1 1 1"`)
	cmd.Flags().BoolVar(&script, "transcript", false, "read a transcript's caller side from standard input")
	return cmd
}

func simTranscript(in io.Reader, out io.Writer, tree *tree.Tree) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	whole, err := transcript.Run(tree, string(text))
	fmt.Fprint(out, whole)
	return err
}

// sim is one call in the terminal.
type sim struct {
	out     io.Writer
	tree    *tree.Tree
	catalog *prompts.Catalog
	player  *transcript.Player
	answer  string // what the BOSS says next; "" is success with plausible values
	query   *tree.Query
	colour  bool
}

func newSim(out io.Writer, tree *tree.Tree, catalog *prompts.Catalog) *sim {
	f, ok := out.(*os.File)
	return &sim{out: out, tree: tree, catalog: catalog, player: transcript.New(tree), colour: ok && term.IsTerminal(int(f.Fd()))}
}

// talk reads what the person types until the call ends.
func (s *sim) talk(ctx context.Context, in io.Reader) error {
	fmt.Fprintf(s.out, "%s\n\n", simHelp)
	if err := s.do("call"); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for !s.player.Machine.Ended() {
		fmt.Fprint(s.out, "> ")
		if !lines.Scan() || ctx.Err() != nil {
			fmt.Fprintln(s.out)
			return s.do("hangup")
		}
		if err := s.line(strings.TrimSpace(lines.Text())); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			fmt.Fprintln(s.out, err)
		}
	}
	return nil
}

// line does what one typed line says.
func (s *sim) line(line string) error {
	word, _, _ := strings.Cut(line, " ")
	switch {
	case line == "":
		return s.wait()
	case line == "quit":
		return io.EOF
	case line == "help":
		fmt.Fprintln(s.out, simHelp)
		return nil
	case word == "answer":
		events, err := s.player.Events(line)
		if err != nil {
			return err
		}
		if a := events[0].(menu.Answered).Answer; !a.Valid() {
			fmt.Fprintf(s.out, "  %q is no answer that the menu knows; it will be taken as an error of the BOSS\n", a.Result)
		}
		s.answer = line
		if s.player.Waiting() {
			return s.wait()
		}
		fmt.Fprintln(s.out, "  the BOSS will say so when it is asked next")
		return nil
	case strings.Trim(line, "0123456789*# ") == "":
		return s.do("press " + line)
	}
	return s.do(line)
}

// wait lets happen what happens by itself: the BOSS's answer, the end of an
// announcement, the end of the time for a key.
func (s *sim) wait() error {
	switch {
	case s.player.Waiting() && s.player.Machine.Node() != "" && s.tree.Nodes[s.player.Machine.Node()].Transfer != nil:
		return s.do("transferred")
	case s.player.Waiting():
		answer := cmp.Or(s.answer, s.success())
		s.answer = ""
		fmt.Fprintf(s.out, "  BOSS: %s\n", answer)
		if s.tree.Nodes[s.player.Machine.Node()].Order != nil {
			if err := s.do("committed"); err != nil {
				return err
			}
		}
		return s.do(answer)
	case s.player.Playing():
		return s.do("played")
	}
	return s.do("silence")
}

// success is an answer with a value for everything that the query's menu reads aloud.
func (s *sim) success() string {
	answer := "answer success/confirmed"
	if s.query == nil {
		return answer
	}
	for _, p := range s.query.Answer {
		switch {
		case p.Words != nil:
			words := make([]string, 0, len(p.Words))
			for w := range p.Words {
				words = append(words, w)
			}
			answer += fmt.Sprintf(" %s=word:%s", p.Value, slices.Min(words))
		case p.Ref.Read == prompts.Money:
			answer += fmt.Sprintf(" %s=money:5850", p.Value)
		case p.Value != "":
			answer += fmt.Sprintf(" %s=count:12", p.Value)
		}
	}
	return answer
}

// press walks by keys alone: the BOSS answers, and the walk ends with hanging up.
func (s *sim) press(keys []string) error {
	if err := s.do("call"); err != nil {
		return err
	}
	for _, k := range keys {
		fmt.Fprintf(s.out, "> %s\n", k)
		if err := s.do("press " + k); err != nil {
			return usageError{err}
		}
		for s.player.Waiting() {
			if err := s.wait(); err != nil {
				return err
			}
		}
	}
	for steps := 0; s.player.Playing() && steps < 2; steps++ { // the result, and the menu after it
		if err := s.do("played"); err != nil {
			return err
		}
	}
	if s.player.Machine.Ended() {
		return nil
	}
	fmt.Fprintln(s.out, "> hangup")
	return s.do("hangup")
}

// do feeds one line of a transcript to the call and shows what comes of it.
func (s *sim) do(line string) error {
	events, err := s.player.Events(line)
	if err != nil {
		return err
	}
	for _, e := range events {
		for _, f := range s.player.Step(e) {
			s.show(f)
		}
	}
	return nil
}

func (s *sim) show(e menu.Effect) {
	switch e := e.(type) {
	case menu.Play:
		for _, r := range e.Refs {
			fmt.Fprintf(s.out, "  %s %s\n", s.bright(s.catalog.Text(s.tree.Languages[0], r)), s.dim(r.String()))
		}
		return
	case menu.Ask:
		s.query = s.tree.Nodes[s.player.Machine.Node()].Query
	case menu.Submit:
		s.query = nil
	}
	fmt.Fprintf(s.out, "  %s\n", s.dim("· "+transcript.Line(e)))
}

func (s *sim) bright(text string) string {
	if s.colour {
		return "\x1b[1m" + text + "\x1b[0m"
	}
	return text
}

func (s *sim) dim(text string) string {
	if s.colour {
		return "\x1b[2m" + text + "\x1b[0m"
	}
	return text
}
