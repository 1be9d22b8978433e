package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/source"
)

const (
	mostOptions = 5 // that a caller keeps in mind until the last one has been said
	mostLevels  = 3 // of menus on the way to a function
)

// rule judges the guidance of a menu by itself, without a call.
type rule func(*tree.Tree, *prompts.Catalog) source.Problems

// waivable are the rules that are found, and waived, in reading already (menu/tree).
var waivable = []string{"duplicate-target", "key-gap", "unreachable"}

// guidance are the other rules by the name that a waiver gives them.
var guidance = map[string]rule{
	"max-options": maxOptions,
	"depth":       depth,
	"key-first":   keyFirst,
	"same-text":   sameText,
}

// warn is a problem that a menu may have and still go live.
func warn(at source.Pos, rule, format string, args ...any) source.Problem {
	return source.Problem{Pos: at, Message: fmt.Sprintf(format, args...), Rule: rule, Warning: true}
}

// ordered are the nodes as they stand in the files, those of one template by name.
func ordered(t *tree.Tree) []*tree.Node {
	return slices.SortedFunc(maps.Values(t.Nodes), func(a, b *tree.Node) int {
		if c := before(a.Pos, b.Pos); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

func before(a, b source.Pos) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Col - b.Col
}

// announced are the options that callers hear of.
func announced(m *tree.Menu) []tree.Option {
	return slices.DeleteFunc(slices.Clone(m.Options), func(o tree.Option) bool { return o.Quiet })
}

func maxOptions(t *tree.Tree, _ *prompts.Catalog) (ps source.Problems) {
	for _, n := range ordered(t) {
		if n.Menu == nil {
			continue
		}
		if options := announced(n.Menu); len(options) > mostOptions {
			ps = append(ps, warn(options[mostOptions].Pos, "max-options",
				"menu %q announces %d options, callers keep %d in mind: make a group of some, or leave those nobody asks for out", n.ID, len(options), mostOptions))
		}
	}
	return ps
}

// depth counts the menus on the shortest way to each: a caller who has to choose
// four times has been lost in one of them. What comes after a function is another way.
func depth(t *tree.Tree, _ *prompts.Catalog) (ps source.Problems) {
	level := map[string]int{t.Start: 1}
	queue := []string{t.Start}
	for len(queue) > 0 {
		n := t.Nodes[queue[0]]
		queue = queue[1:]
		if n.Order != nil || n.Query != nil || n.Transfer != nil || n.Survey != nil {
			continue
		}
		for _, id := range n.Leads() {
			next := t.Nodes[id]
			if next == nil || level[id] != 0 {
				continue
			}
			level[id] = level[n.ID]
			if next.Menu != nil {
				level[id]++
			}
			queue = append(queue, id)
		}
	}
	for _, n := range ordered(t) {
		if n.Menu != nil && level[n.ID] > mostLevels {
			ps = append(ps, warn(n.Pos, "depth", "menu %q is on level %d, callers follow %d: lead to it from further up", n.ID, level[n.ID], mostLevels))
		}
	}
	return ps
}

// keyBeforeFunction matches texts that name a key before what it is for: who hears
// "press 1 for your balance" has to remember a key without knowing whether he wants it.
var keyBeforeFunction = map[string]*regexp.Regexp{
	"zh": regexp.MustCompile(`(?:^|[。；;])\s*(?:请您?|您请|您可以?)?按\s*[0-9*#零一二三四五六七八九星井](?:号?键)?\s*(?:可以?|将|为您|查询|办理|开通|取消|返回|转)`),
	"en": regexp.MustCompile(`(?i)(?:^|[.;])\s*(?:please )?press (?:[0-9*#]|zero|one|two|three|four|five|six|seven|eight|nine|star|hash|pound)(?: key)? (?:to|for|if)\b`),
}

// keyFirst finds a function that is named after its key. In options the order is
// given by construction; hints and texts are written by people.
func keyFirst(t *tree.Tree, c *prompts.Catalog) (ps source.Problems) {
	for _, n := range ordered(t) {
		if n.Menu == nil {
			continue
		}
		for i, ref := range n.Menu.Hint {
			if strings.HasPrefix(ref.ID, "key.") && (i < 2 || n.Menu.Hint[i-1] != t.Phrases.Press) {
				ps = append(ps, warn(n.Pos, "key-first", "the hint of menu %q names the key %s before what it is for: write the function, then %s, then the key", n.ID, ref.ID, t.Phrases.Press.ID))
				break
			}
		}
	}
	for _, lang := range t.Languages {
		pattern := keyBeforeFunction[lang]
		if pattern == nil {
			continue
		}
		for _, e := range c.Entries(lang) {
			if _, waived := e.Waive["key-first"]; !waived && pattern.MatchString(e.Text) {
				ps = append(ps, warn(e.Pos, "key-first", "prompt %q names the key before what it is for: the function first, then the key", e.ID))
			}
		}
	}
	return ps
}
