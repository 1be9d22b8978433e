package graph

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
)

// look is how nodes of a type are told from each other: the same colours in every
// format, and in Mermaid and DOT a shape as well, for whoever prints in grey.
type look struct {
	fill, line  string
	open, close string // Mermaid's brackets
	dot         string // DOT's shape
}

var looks = map[string]look{
	"menu":     {"#dbeafe", "#2563eb", "[", "]", "box"},
	"say":      {"#f3f4f6", "#6b7280", "(", ")", "note"},
	"collect":  {"#fef9c3", "#ca8a04", "[/", "/]", "parallelogram"},
	"auth":     {"#fde68a", "#b45309", "[\\", "\\]", "invtrapezium"},
	"order":    {"#dcfce7", "#16a34a", "[[", "]]", "component"},
	"query":    {"#cffafe", "#0891b2", "([", "])", "ellipse"},
	"switch":   {"#fae8ff", "#a21caf", "{", "}", "diamond"},
	"transfer": {"#ffedd5", "#ea580c", ">", "]", "cds"},
	"survey":   {"#fce7f3", "#db2777", "[/", "\\]", "trapezium"},
	"language": {"#ede9fe", "#7c3aed", "{{", "}}", "hexagon"},
	"hangup":   {"#fee2e2", "#dc2626", "((", "))", "octagon"},
}

// lookOf gives a type that is not known here yet the look of a menu.
func lookOf(typ string) look {
	if l, known := looks[typ]; known {
		return l
	}
	return looks["menu"]
}

// widest is how many columns of a title or a detail are shown.
const widest = 30

func short(s string) string { return runewidth.Truncate(oneLine(s), widest, "…") }

// oneLine takes out what would break a line, or is no character of XML.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == ' ' || r == '\ufffe' || r == '\uffff' }), " ")
}

// Mermaid is the graph as a Mermaid flowchart, which Git forges and many wikis draw.
func (g *Graph) Mermaid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\ntitle: %s\n---\n", mermaidTitle(g))
	b.WriteString("flowchart LR\n")
	used := map[string]bool{}
	for _, n := range g.Nodes {
		l := lookOf(n.Type)
		used[n.Type] = true
		lines := []string{"<b>" + mermaidText(n.ID) + "</b> " + mermaidText(short(n.Title))}
		if n.Detail != "" {
			lines = append(lines, mermaidText(short(n.Detail)))
		}
		if n.Root != "" && n.Root != "start" {
			lines = append(lines, "<i>"+mermaidText(n.Root)+"</i>")
		}
		fmt.Fprintf(&b, "  %s%s\"%s\"%s:::%s\n", mermaidID(n.ID), l.open, strings.Join(lines, "<br/>"), l.close, mermaidClass(n.Type))
	}
	for i, e := range g.Edges {
		arrow, to := "-->", mermaidID(e.To)
		if e.Quiet || e.Reference {
			arrow = "-.->"
		}
		if name := e.name(); name != "" {
			arrow += `|"` + mermaidText(name) + `"|`
		}
		if e.Reference {
			to = fmt.Sprintf("r_%d[\"→ %s\"]:::ref", i, mermaidText(e.To))
		}
		fmt.Fprintf(&b, "  %s %s %s\n", mermaidID(e.From), arrow, to)
	}
	b.WriteString("  classDef ref fill:none,stroke:none,color:#888\n")
	for _, typ := range typeOrder {
		if l := lookOf(typ); used[typ] {
			fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:#111\n", mermaidClass(typ), l.fill, l.line)
		}
	}
	return b.String()
}

// typeOrder is the order of legends.
var typeOrder = []string{"menu", "switch", "language", "auth", "collect", "order", "query", "say", "survey", "transfer", "hangup"}

// mermaidTitle stands in YAML: quoted, as the note is full of keys that mean something there.
func mermaidTitle(g *Graph) string {
	title := g.Name
	if g.Note != "" {
		title += " (everywhere: " + g.Note + ")"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(title)) + `"`
}

// mermaidID keeps letters and digits and spells out the rest; the prefix keeps it
// from being one of Mermaid's words, such as "end".
func mermaidID(id string) string { return "n_" + spelled(id) }

// mermaidClass is the class of a node type. "t_" for the same reason.
func mermaidClass(typ string) string { return "t_" + spelled(typ) }

func spelled(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 128 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "_%x_", r)
		}
	}
	return b.String()
}

// mermaidText writes what Mermaid or its HTML would take for its own as entity codes.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		if strings.ContainsRune("\"#<>&;`*_\\", r) {
			fmt.Fprintf(&b, "#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// DOT is the graph in the language of Graphviz.
func (g *Graph) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotText(g.Name))
	b.WriteString("  rankdir=LR; ranksep=0.5; nodesep=0.08;\n")
	b.WriteString("  node [fontname=\"sans-serif\", fontsize=10, style=filled, height=0.25, margin=\"0.08,0.03\"];\n")
	b.WriteString("  edge [fontname=\"sans-serif\", fontsize=10, arrowsize=0.6];\n")
	if g.Note != "" {
		fmt.Fprintf(&b, "  labelloc=t; label=%s;\n", dotText("everywhere: "+g.Note))
	}
	for _, n := range g.Nodes {
		l := lookOf(n.Type)
		text := n.ID + " " + short(n.Title)
		if n.Detail != "" {
			text += "\n" + short(n.Detail)
		}
		if n.Root != "" && n.Root != "start" {
			text += "\n(" + n.Root + ")"
		}
		fmt.Fprintf(&b, "  %s [label=%s, tooltip=%s, shape=%s, fillcolor=%q, color=%q];\n",
			dotText(n.ID), dotText(text), dotText(n.Full), l.dot, l.fill, l.line)
	}
	for i, e := range g.Edges {
		to, light := dotText(e.To), ""
		switch {
		case e.Reference:
			to, light = fmt.Sprintf(`"→%d"`, i), `, style=dashed, color="#c0c0c0", fontcolor="#888888"`
			fmt.Fprintf(&b, "  %s [label=%s, shape=plaintext, style=\"\", fontcolor=\"#888888\"];\n", to, dotText("→ "+e.To))
		case e.Quiet:
			light = ", style=dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, tooltip=%s%s];\n", dotText(e.From), to, dotText(e.name()), dotText(e.Label), light)
	}
	b.WriteString("}\n")
	return b.String()
}

// dotText is a quoted string of DOT. In it only \" and \\ have to be written
// otherwise; a line break is \n.
func dotText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(lines[i]))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
