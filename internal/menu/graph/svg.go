package graph

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// The measures of the picture, in pixels at a font of 12.
const (
	rowHeight = 28
	boxHeight = 22
	column    = 6.7 // a Latin letter, at most; a Chinese character is two of them
	padding   = 7
	gap       = 34 // between a box and the badges of its children
	margin    = 16
	head      = 66 // title and legend
	tailGap   = 16 // between a box and what is close behind it
	frame     = 8  // a row of its own between two roots
)

// SVG is the graph as a picture: from left to right, a column for each step away
// from the start, a row for each end. The key stands before its node.
func (g *Graph) SVG() string {
	p := newPicture(g)
	p.place()
	p.measure()
	return p.draw()
}

// box is a node, or the reference to one, with its place.
type box struct {
	node  *Node // that it is or stands for
	in    Edge  // that leads to it; To is "" for a root
	ref   bool
	tail  *box // all that follows, in the same row close behind: one entry after the other
	kids  []*box
	depth int
	y     float64 // middle
	badge string  // before it
	id    string
	text  string
	note  string
}

func (b *box) width() float64 {
	text := b.id + " " + b.text + " " + b.note
	if b.ref {
		text = b.text
	}
	return float64(runewidth.StringWidth(text))*column + 2*padding
}

// reach is the width with what is drawn close behind.
func (b *box) reach() float64 {
	if b.tail == nil {
		return b.width()
	}
	return b.width() + tailGap + b.tail.reach()
}

func badgeWidth(text string) float64 {
	if text == "" {
		return 0
	}
	return max(float64(runewidth.StringWidth(text))*column+8, 17)
}

// picture is a Graph on its way to be drawn.
type picture struct {
	graph  *Graph
	roots  []*box
	all    []*box
	left   []float64 // of the boxes of each column
	badges []float64 // the widest badge before them
	wide   float64
	high   float64
}

func newPicture(g *Graph) *picture {
	p := &picture{graph: g}
	nodes := make(map[string]*Node, len(g.Nodes))
	boxes := make(map[string]*box, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		nodes[n.ID] = n
		boxes[n.ID] = &box{node: n, depth: n.depth, id: n.ID, text: short(n.Title), note: short(n.Detail)}
		if n.Root != "" {
			p.roots = append(p.roots, boxes[n.ID])
			if n.Root != "start" {
				boxes[n.ID].badge = n.Root
			}
		}
	}
	for _, e := range g.Edges {
		from := boxes[e.From]
		kid := boxes[e.To]
		if e.Reference {
			kid = &box{node: nodes[e.To], ref: true, depth: from.depth + 1, text: "→ " + e.To}
		}
		kid.in, kid.badge = e, e.name()
		from.kids = append(from.kids, kid)
	}
	for _, n := range slices.Backward(g.Nodes) { // children stand behind their parents
		b := boxes[n.ID]
		if len(b.kids) == 1 && b.kids[0].badge == "" && len(b.kids[0].kids) == 0 {
			b.tail, b.kids = b.kids[0], nil
		}
	}
	return p
}

// place gives every end a row, and what leads to several the middle of them.
func (p *picture) place() {
	y := float64(head)
	var down func(b *box)
	down = func(b *box) {
		p.all = append(p.all, b)
		for _, k := range b.kids {
			down(k)
		}
		if len(b.kids) == 0 {
			b.y = y + rowHeight/2
			y += rowHeight
			return
		}
		b.y = (b.kids[0].y + b.kids[len(b.kids)-1].y) / 2
	}
	for _, r := range p.roots {
		down(r)
		y += frame
	}
	p.high = y + margin
}

// measure gives every column its place: right of what branches in the column before.
// What ends there may be wider, as nothing else stands in its row.
func (p *picture) measure() {
	var widths []float64
	for _, b := range p.all {
		for len(widths) <= b.depth {
			widths, p.badges = append(widths, 0), append(p.badges, 0)
		}
		if len(b.kids) > 0 {
			widths[b.depth] = max(widths[b.depth], b.width())
		}
		p.badges[b.depth] = max(p.badges[b.depth], badgeWidth(b.badge))
	}
	x := float64(margin)
	for depth, w := range widths {
		x += p.badges[depth] + 3
		p.left = append(p.left, x)
		x += w + gap
	}
	p.wide = max(float64(runewidth.StringWidth(p.note()))*column+margin, p.legend(func(string, float64, float64) {}))
	for _, b := range p.all {
		p.wide = max(p.wide, p.left[b.depth]+b.reach())
	}
	p.wide += margin
}

// legend gives every type that is there its place in the head, and tells where it ends.
func (p *picture) legend(draw func(typ string, x, width float64)) float64 {
	used := map[string]bool{}
	for _, n := range p.graph.Nodes {
		used[n.Type] = true
	}
	x := margin + float64(runewidth.StringWidth(p.graph.Name))*11 + 20
	for _, typ := range typeOrder {
		if used[typ] {
			w := float64(len(typ))*column + 2*padding
			draw(typ, x, w)
			x += w + 6
		}
	}
	return x
}

func (p *picture) note() string {
	if p.graph.Note == "" {
		return ""
	}
	return "everywhere: " + p.graph.Note
}

const style = `text{font:12px "Noto Sans CJK SC","PingFang SC","Microsoft YaHei","WenQuanYi Micro Hei",sans-serif;fill:#111;white-space:pre}
.t{font-size:18px;font-weight:bold}.i{font-weight:bold}.d{fill:#555}.e{fill:none;stroke:#777}.q{stroke-dasharray:4 3}
.r{fill:#888}.re{fill:none;stroke:#ccc;stroke-dasharray:2 3}.k{fill:#374151}.kt{fill:#fff;text-anchor:middle;font-weight:bold}
.kr{fill:#e5e7eb}.krt{fill:#666;text-anchor:middle}`

func (p *picture) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", p.wide, p.high, p.wide, p.high)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", xmlText(p.graph.Name), style)
	p.drawHead(&b)
	for _, x := range p.all {
		for _, k := range x.kids {
			p.drawEdge(&b, x, k)
		}
	}
	for _, x := range p.all {
		left := p.left[x.depth]
		drawBadge(&b, x, left)
		for ; x.tail != nil; x = x.tail {
			drawBox(&b, x, left)
			right := left + x.width()
			left = right + tailGap
			class := "e"
			if x.tail.ref {
				class = "re"
			}
			fmt.Fprintf(&b, `<path class="%s" d="M%.1f %.1fH%.1f"/>`+"\n", class, right, x.y, left)
			x.tail.y = x.y
		}
		drawBox(&b, x, left)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawHead says what it is, what the colours mean and what the global keys do.
func (p *picture) drawHead(b *strings.Builder) {
	fmt.Fprintf(b, `<text class="t" x="%d" y="24">%s</text>`+"\n", margin, xmlText(p.graph.Name))
	p.legend(func(typ string, x, w float64) {
		l := lookOf(typ)
		fmt.Fprintf(b, `<rect x="%.1f" y="9" width="%.1f" height="20" rx="4" fill="%s" stroke="%s"/><text x="%.1f" y="23">%s</text>`+"\n",
			x, w, l.fill, l.line, x+padding, typ)
	})
	fmt.Fprintf(b, `<text class="d" x="%d" y="48">%s</text>`+"\n", margin, xmlText(p.note()))
}

// drawEdge leads from the right of a box to the badge of another.
func (p *picture) drawEdge(b *strings.Builder, from, to *box) {
	x1 := p.left[from.depth] + from.width()
	x2 := p.left[to.depth] - badgeWidth(to.badge)
	bend := p.left[to.depth] - p.badges[to.depth] - gap/2
	class := "e"
	switch {
	case to.ref:
		class = "re"
	case to.in.Quiet:
		class = "e q"
	}
	fmt.Fprintf(b, `<path class="%s" d="M%.1f %.1fH%.1fC%.1f %.1f %.1f %.1f %.1f %.1fH%.1f"/>`+"\n",
		class, x1, from.y, bend-gap/4, bend+gap/8, from.y, bend-gap/8, to.y, bend+gap/4, to.y, x2)
}

// drawBadge draws what is pressed for a box, or why it stands at the left edge.
func drawBadge(b *strings.Builder, x *box, left float64) {
	if x.badge == "" {
		return
	}
	rect, text := "k", "kt"
	if x.ref || x.in.To == "" {
		rect, text = "kr", "krt"
	}
	w := badgeWidth(x.badge)
	fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="17" rx="8.5"/><text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n",
		rect, left-w-1, x.y-8.5, w, text, left-w/2-1, x.y+4.2, xmlText(x.badge))
}

// drawBox draws a node. A reference to one is light, and leads to it when it is
// clicked on.
func drawBox(b *strings.Builder, x *box, left float64) {
	tooltip := oneLine(x.in.Label)
	if x.ref {
		fmt.Fprintf(b, `<a href="#%s"><title>%s</title><text class="r" x="%.1f" y="%.1f">%s</text></a>`+"\n",
			xmlID(x.node.ID), xmlText(tooltip), left+padding/2, x.y+4.2, xmlText(x.text))
		return
	}
	if full := oneLine(x.node.Full); full != "" {
		tooltip = full
	}
	l := lookOf(x.node.Type)
	fmt.Fprintf(b, `<g id="%s"><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="4" fill="%s" stroke="%s"/>`,
		xmlID(x.node.ID), xmlText(tooltip), left, x.y-boxHeight/2, x.width(), boxHeight, l.fill, l.line)
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f"><tspan class="i">%s</tspan> %s <tspan class="d">%s</tspan></text></g>`+"\n",
		left+padding, x.y+4.2, xmlText(x.id), xmlText(x.text), xmlText(x.note))
}

// xmlText escapes a text for XML; what no XML may hold becomes U+FFFD.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

func xmlID(id string) string { return "node-" + spelled(id) }
