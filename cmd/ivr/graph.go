package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/menu/graph"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
)

func graphCommand() *cobra.Command {
	var texts, format, file, language string
	var ids bool
	cmd := &cobra.Command{
		Use:   "graph MENU",
		Short: "Draw a menu: its nodes, codes and keys",
		Long: `Draw a menu: its nodes, their codes, and the keys that lead from one to the next.

Every node stands once; other ways to it are light references. The format is taken
from the end of the file's name (.svg, .dot, .mmd) unless --format says it:
  svg      a picture for every browser, made without another program; what is said
           in full is shown when the mouse rests on a node
  mermaid  for wikis and Git forges
  dot      for Graphviz

Exit codes: 0 drawn, 1 the menu has problems or the file cannot be written, 2 wrong usage.`,
		Example: `  ivr graph menus/10086.yaml -o 10086.svg
  ivr graph menus/10086.yaml --format dot | dot -Tpdf > 10086.pdf
  ivr graph menus/10086.yaml --language en -o 10086.mmd`,
		Args: oneMenu("graph"),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := graphFormat(format, file)
			if err != nil {
				return err
			}
			catalog, err := loadPrompts(texts)
			if err != nil {
				return err
			}
			t, err := loadMenu("graph", args[0], catalog)
			if err != nil {
				return err
			}
			words := prompts.Join
			if !ids {
				if words, err = spoken(catalog, t, language); err != nil {
					return err
				}
			}
			text := graphFormats[format](graph.New(t, words))
			if file == "" || file == "-" {
				_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			} else if err = os.WriteFile(file, []byte(text), 0o644); err != nil {
				err = fmt.Errorf("write the picture: %w", err)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&texts, "prompts", cmp.Or(os.Getenv("PROMPTS"), "prompts"), "folder of <language>.yaml files (env PROMPTS)")
	cmd.Flags().StringVar(&format, "format", "", "mermaid, dot or svg (default: by the file's name, else mermaid)")
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write; without it, standard output")
	cmd.Flags().StringVar(&language, "language", "", "the texts' language (default: the menu's first)")
	cmd.Flags().BoolVar(&ids, "ids", false, "show the ids of prompts instead of their texts")
	return cmd
}

var graphFormats = map[string]func(*graph.Graph) string{
	"mermaid": (*graph.Graph).Mermaid, "dot": (*graph.Graph).DOT, "svg": (*graph.Graph).SVG,
}

// graphFormat is the one asked for, or that of the file's name.
func graphFormat(format, file string) (string, error) {
	if format == "" {
		format = "mermaid"
		for end, f := range map[string]string{".svg": "svg", ".dot": "dot", ".gv": "dot"} {
			if strings.HasSuffix(file, end) {
				format = f
			}
		}
	}
	if graphFormats[format] == nil {
		return "", usageError{fmt.Errorf("graph: no format %q; it is mermaid, dot or svg", format)}
	}
	return format, nil
}

// oneMenu refuses anything but the name of one menu.
func oneMenu(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s: which menu? e.g. ivr %s menus/10086.yaml", command, command)}
		}
		return nil
	}
}

// loadMenu reads the one menu at path.
func loadMenu(command, path string, catalog *prompts.Catalog) (*tree.Tree, error) {
	trees, err := loadMenus(path, catalog)
	if err != nil {
		return nil, err
	}
	if len(trees) > 1 {
		return nil, usageError{fmt.Errorf("%s: %d menus in %s; name the file of one", command, len(trees), path)}
	}
	return trees[0], nil
}

// spoken gives the words of a language ("" is the menu's first) for what is said.
func spoken(catalog *prompts.Catalog, t *tree.Tree, language string) (func([]prompts.Ref) string, error) {
	language = cmp.Or(language, t.Languages[0])
	if !slices.Contains(catalog.Languages(), language) {
		return nil, usageError{errors.New("no texts in language " + language + " (known: " + strings.Join(catalog.Languages(), ", ") + ")")}
	}
	return func(refs []prompts.Ref) string { return catalogWords(catalog, language, refs) }, nil
}

// catalogWords is what is said, as one text: with blanks between the parts unless
// the language writes none.
func catalogWords(catalog *prompts.Catalog, language string, refs []prompts.Ref) string {
	words := make([]string, len(refs))
	for i, r := range refs {
		words[i] = catalog.Text(cmp.Or(r.In, language), r)
	}
	blank := " "
	if language == "zh" {
		blank = ""
	}
	return strings.Join(words, blank)
}
