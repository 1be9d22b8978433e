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
  answer auth_failed/wrong_password
  profile success/confirmed brand=word:神州行 star=count:5
                                   who the BOSS says the caller is
  seen closed                      from here on services are closed by ops; seen open,
                                   seen notice=PROMPT, seen at=2026-10-01T09:30
  refused, returned, returned NODE nobody answers a transfer; the person sends back
  timeout, lost, stopping          the call's limit, the switch, the server
  help, quit`

// simFlags are the options of 'ivr sim'.
type simFlags struct {
	texts, keys, audio, hear string
	script                   bool
	file                     string // with the transcript; "" for standard input
}

// playHere as the value of --hear is to play, rather than to write a file.
const playHere = "-"

func simCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim MENU",
		Short: "Walk a menu in the terminal, without Asterisk or Postgres",
		Long: `Walk a menu in the terminal, without Asterisk or Postgres. What a caller would
hear is printed as text, with the keys that mean something then, and what the hotline
does; the BOSS answers everything with success unless told otherwise.

` + simHelp + `

With --transcript the caller's side is read from a file such as those in
menus/transcripts, or from standard input, and the whole transcript is printed. With --hear the recordings are played (a new
announcement, or a key, cuts them short), or written to a file one after the other.

Exit codes: 0 done, 1 the menu has problems or the recordings cannot be made, 2 wrong usage.`,
		Example: `  ivr sim menus/10086.yaml
  ivr sim menus/10086.yaml --keys "3 1 1 1"
  ivr sim menus/10086.yaml --keys "1 1" --hear balance.wav
  ivr sim menus/10086.yaml --transcript menus/transcripts/balance.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			menu, err := f.menu(args)
			if err != nil {
				return err
			}
			return f.run(cmd, menu)
		},
	}
	cmd.Flags().StringVar(&f.texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().StringVar(&f.keys, "keys", "", `press these keys, each word when the announcement before it has begun, e.g. "3 1 1 1" or "1 2 135790"`)
	cmd.Flags().BoolVar(&f.script, "transcript", false, "read a transcript's caller side from FILE.txt, or from standard input")
	cmd.Flags().StringVar(&f.hear, "hear", "", "play what is said, or write it into this `FILE.wav`")
	cmd.Flags().Lookup("hear").NoOptDefVal = playHere
	cmd.Flags().StringVar(&f.audio, "audio", os.Getenv("AUDIO"), "folder of the recordings for --hear (env AUDIO; without one they are spoken into the user's cache folder)")
	return cmd
}

// menu is the one that the arguments name. The files of "--hear FILE.wav" and
// "--transcript FILE.txt" are among them too: since both have a meaning alone, pflag
// does not take the files for their values.
func (f *simFlags) menu(args []string) (string, error) {
	value := func(of bool, to *string, ending string) {
		i := slices.IndexFunc(args, func(a string) bool { return strings.HasSuffix(a, ending) })
		if of && len(args) == 2 && i >= 0 {
			*to, args = args[i], []string{args[1-i]}
		}
	}
	value(f.hear == playHere, &f.hear, ".wav")
	value(f.script, &f.file, ".txt")
	switch {
	case len(args) != 1:
		return "", usageError{errors.New("sim: which menu? e.g. ivr sim menus/10086.yaml")}
	case f.script && f.keys != "":
		return "", usageError{errors.New("sim: --keys and --transcript exclude each other")}
	case f.script && f.hear != "":
		return "", usageError{errors.New("sim: --hear and --transcript exclude each other")}
	case f.hear != "" && f.hear != playHere && !strings.HasSuffix(f.hear, ".wav"):
		return "", usageError{fmt.Errorf("sim: --hear writes a .wav file, not %q", f.hear)}
	}
	return args[0], nil
}

func (f *simFlags) run(cmd *cobra.Command, menu string) error {
	catalog, err := loadPrompts(f.texts)
	if err != nil {
		return err
	}
	t, err := loadMenu("sim", menu, catalog)
	if err != nil {
		return err
	}
	if f.script {
		return f.simTranscript(cmd.InOrStdin(), cmd.OutOrStdout(), t)
	}
	s := newSim(cmd.OutOrStdout(), t, catalog)
	if f.hear != "" {
		progress, wipe := progressBar(cmd.ErrOrStderr(), "speaking")
		heard, err := audible(cmd.Context(), catalog, f.texts, f.audio, progress)
		wipe()
		if err != nil {
			return err
		}
		s.ear = newEar(func() (context.Context, context.CancelFunc) { return context.WithCancel(cmd.Context()) }, heard, f.hear)
		s.ear.patient = f.keys != ""
	}
	if f.keys != "" {
		err = s.press(strings.Fields(f.keys))
	} else {
		err = s.talk(cmd.Context(), cmd.InOrStdin())
	}
	return errors.Join(err, s.ear.close())
}

func (f *simFlags) simTranscript(in io.Reader, out io.Writer, tree *tree.Tree) error {
	text, err := os.ReadFile(f.file)
	if f.file == "" {
		text, err = io.ReadAll(in)
	}
	if err != nil {
		return fmt.Errorf("read the transcript: %w", err)
	}
	whole, err := transcript.Run(tree, string(text))
	fmt.Fprint(out, whole)
	return err
}

// sim is one call in the terminal.
type sim struct {
	out     io.Writer
	paint   func(colour, string) string
	tree    *tree.Tree
	catalog *prompts.Catalog
	player  *transcript.Player
	boss    boss
	ear     *ear   // nil where nothing is to be heard
	tongue  string // the call's language
}

func newSim(out io.Writer, tree *tree.Tree, catalog *prompts.Catalog) *sim {
	return &sim{out: out, paint: painter(out), tree: tree, catalog: catalog, player: transcript.New(tree), tongue: tree.Languages[0]}
}

// talk reads what the person types until the call ends.
func (s *sim) talk(ctx context.Context, in io.Reader) error {
	fmt.Fprintf(s.out, "%s\n\n", simHelp)
	if err := s.do("call"); err != nil {
		return err
	}
	typed := bufio.NewScanner(in)
	for !s.player.Machine.Ended() {
		fmt.Fprint(s.out, s.paint(bold, "> "))
		line, more := s.read(in, typed)
		if !more || ctx.Err() != nil {
			fmt.Fprintln(s.out)
			return s.do("hangup")
		}
		if err := s.line(line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			fmt.Fprintln(s.out, err)
		}
	}
	return nil
}

// read reads a line. Where a secret is asked for, a terminal does not show it.
func (s *sim) read(in io.Reader, typed *bufio.Scanner) (line string, more bool) {
	f, ok := in.(*os.File)
	if ok && s.asksSecret() && term.IsTerminal(int(f.Fd())) {
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.out, strings.Repeat("•", len(text)))
		return strings.TrimSpace(string(text)), err == nil
	}
	more = typed.Scan()
	return strings.TrimSpace(typed.Text()), more
}

// asksSecret tells whether the caller is typing what nobody may see.
func (s *sim) asksSecret() bool {
	return s.player.Machine.Secret() && s.player.Machine.State().Asks == "entry"
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
	case word == "answer", word == "profile":
		return s.answer(word, line)
	case strings.Trim(line, "0123456789*# ") == "":
		return s.do("press " + line)
	}
	return s.do(line)
}

// answer keeps what the BOSS is to say next, or says it where it has been asked.
func (s *sim) answer(word, line string) error {
	events, err := s.player.Events(line)
	if err != nil {
		return err
	}
	if a := events[0].(menu.Answered).Answer; !a.Valid() {
		fmt.Fprintf(s.out, "  %q is no answer that the menu knows; it will be taken as an error of the BOSS\n", a.Result)
	}
	if word == "profile" {
		s.boss.profile = line
	} else if s.boss.answer = line; s.player.Waiting() {
		return s.wait()
	}
	fmt.Fprintln(s.out, "  the BOSS will say so when it is asked next")
	return nil
}

// wait lets happen what happens by itself: the BOSS's answer, the end of an
// announcement, the end of the time for a key.
func (s *sim) wait() error {
	node := s.tree.Nodes[s.player.Machine.Node()]
	switch {
	case s.player.Waiting() && node != nil && node.Transfer != nil:
		return s.do("transferred")
	case s.player.Waiting():
		answer := s.boss.next()
		fmt.Fprintf(s.out, "  BOSS: %s\n", answer)
		if s.boss.ordered {
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

// press walks by keys alone: those of one word go together, the BOSS answers, and the
// walk ends with hanging up.
func (s *sim) press(words []string) error {
	if err := s.do("call"); err != nil {
		return err
	}
	for _, w := range words {
		if err := s.do("press " + w); err != nil {
			return usageError{err}
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
	for steps := 0; s.player.Playing() && steps < 2; steps++ { // the result, and the menu after it
		if err := s.do("played"); err != nil {
			return err
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
	if s.player.Machine.Ended() {
		return nil
	}
	return s.do("hangup")
}

// settle waits until the hotline has heard the word to its end (keys that might become
// more), and has its answers from the BOSS.
func (s *sim) settle() error {
	for {
		var err error
		state := s.player.Machine.State()
		switch {
		case s.player.Waiting():
			err = s.wait()
		case state.Await == "task" && s.player.Playing(): // the answer is held until "please wait" has been said
			err = s.do("played")
		case state.Typed+state.Partial != "" && s.player.Timing():
			err = s.do("silence")
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// do feeds one line of a transcript to the call and shows what comes of it. Who the
// caller is, is answered at once: the call does not stand still for it.
func (s *sim) do(line string) error {
	events, err := s.player.Events(line)
	if err != nil {
		return err
	}
	s.feed(line, events)
	for s.player.Asking() {
		profile := s.boss.who()
		fmt.Fprintf(s.out, "  %s\n", s.paint(faint, "BOSS: "+profile))
		if events, err = s.player.Events(profile); err != nil {
			return err
		}
		s.feed("", events)
	}
	return nil
}
