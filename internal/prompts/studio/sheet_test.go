package studio

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/menu/places"
	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/prompts/proof"
)

var (
	zone    = time.FixedZone("", 8*3600)
	morning = time.Date(2026, 11, 20, 9, 30, 0, 0, zone)
)

// house is a folder of prompts as a maintainer has it.
type house struct {
	*testing.T
	dir string
}

func newHouse(t *testing.T, zh string) *house {
	h := &house{t, t.TempDir()}
	h.write("zh.yaml", zh)
	return h
}

func (h *house) write(name, content string) {
	h.Helper()
	file := filepath.Join(h.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		h.Fatal(err)
	}
}

func (h *house) texts() *prompts.Catalog {
	h.Helper()
	c, err := prompts.Load(os.DirFS(h.dir))
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func (h *house) rules() *proof.Rules {
	h.Helper()
	r, err := proof.Load(os.DirFS(h.dir))
	if err != nil {
		h.Fatal(err)
	}
	return r
}

func (h *house) look() *Prospect {
	h.Helper()
	p, problems, err := Look(os.DirFS(h.dir), h.texts())
	if err != nil || len(problems) > 0 {
		h.Fatal(err, problems)
	}
	return p
}

// sheet draws and notes the next sheet, of the prompts of the file alone.
func (h *house) sheet(at time.Time) (ids []string) {
	h.Helper()
	s := h.look().Draw(Options{Languages: []string{"zh"}, At: at})
	for _, r := range s.Rows {
		if !strings.HasPrefix(r.ID, "n.") && !strings.HasPrefix(r.ID, "u.") {
			ids = append(ids, r.ID+" "+string(r.State))
		}
	}
	if len(s.Rows) > 0 {
		if err := s.Note(h.dir); err != nil {
			h.Fatal(err)
		}
	}
	return ids
}

// TestASheetAsksForWhatIsNewOnly: what was asked for is not asked for again, until its
// text is another.
func TestASheetAsksForWhatIsNewOnly(t *testing.T) {
	h := newHouse(t, "a.one: 您好\na.two: 再见\n")
	want := func(step string, got []string, ids ...string) {
		t.Helper()
		if !slices.Equal(got, ids) {
			t.Errorf("%s: the sheet asks for %q, want %q", step, got, ids)
		}
	}
	want("first", h.sheet(morning), "a.one new", "a.two new")
	want("again", h.sheet(morning))
	h.write("zh.yaml", "a.one: 您好\na.two: 请您再来\na.three: 请稍候\n")
	want("changed", h.sheet(morning.Add(time.Hour)), "a.two new", "a.three new")
	want("taken back to what it was", h.sheet(morning.Add(2*time.Hour)))
	h.write("zh.yaml", "a.one: 您好\na.two: 再见\n")
	want("asked for last was another text", h.sheet(morning.Add(3*time.Hour)), "a.two new")

	p := h.look()
	open := p.Draw(Options{Open: true, Languages: []string{"zh"}, At: morning})
	since := p.Draw(Options{Languages: []string{"zh"}, At: morning})
	if len(open.Rows) != len(p.prompts) || len(since.Rows) != 0 || since.Open != len(p.prompts) || open.Rows[0].Asked != 1 || open.Rows[1].Asked != 3 {
		t.Errorf("%d prompts: open %d rows, %+v; since %d rows and %d open", len(p.prompts), len(open.Rows), open.Rows[:2], len(since.Rows), since.Open)
	}
	if err := since.Note(h.dir); err != nil {
		t.Fatal(err)
	}
	if err := open.Note(h.dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("two sheets of one number: %v", err)
	}
}

// shipped is the hotline as it is shipped.
func shipped(t *testing.T) (*Prospect, Options) {
	t.Helper()
	folder := os.DirFS("../../../prompts")
	texts, err := prompts.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := proof.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	menu, err := tree.Load(os.DirFS("../../../menus"), "10086.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := Look(folder, texts)
	if err != nil {
		t.Fatal(err)
	}
	return p, Options{Every: true, Languages: texts.Languages(), Places: places.In(menu), Longest: rules.Longest, Notice: rules.Notice(), At: morning}
}

// TestTheShippedSheetIsComplete: every prompt that can be recorded has a row with all
// that its speaker needs, and the parts of numbers are shown among others.
func TestTheShippedSheetIsComplete(t *testing.T) {
	p, o := shipped(t)
	s := p.Draw(o)
	rules, err := proof.Load(os.DirFS("../../../prompts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range o.Languages {
		rows, recordable := s.Of(lang), 0
		for _, e := range p.texts.Entries(lang) {
			if e.Silence == 0 {
				recordable++
			}
		}
		if len(rows) != recordable || recordable < 200 {
			t.Errorf("%s: %d rows for %d prompts", lang, len(rows), recordable)
		}
		for _, r := range rows {
			part := strings.HasPrefix(r.ID, "n.") || strings.HasPrefix(r.ID, "u.")
			elsewhere := strings.HasPrefix(r.ID, "sys.") || strings.HasPrefix(r.ID, "notice.") ||
				slices.Contains([]string{"key.hash", "lang.offer", "lang.en", "lang.zh"}, r.ID) // or in the other language
			switch {
			case r.File != lang+"/"+r.ID+".wav" || r.Seconds < 0.3 || r.Seconds > 15 && !rules.OffersKey(lang, r.Text):
				t.Errorf("%s: file %q, at most %g s", r.ID, r.File, r.Seconds)
			case part && len(r.Joined) > 0, len(r.Context) > 0, elsewhere:
			default:
				t.Errorf("%s/%s (%s): where it is said is not told", lang, r.ID, r.Text)
			}
			for _, place := range slices.Concat(r.Joined, r.Context) {
				if !strings.Contains(place, bracket(r.Text)) {
					t.Errorf("%s: %q does not show it", r.ID, place)
				}
			}
		}
	}
}

// TestWhatASpeakerReads shows rows of each kind; {id} is the text of that prompt.
func TestWhatASpeakerReads(t *testing.T) {
	p, o := shipped(t)
	s := p.Draw(o)
	written := regexp.MustCompile(`\{([a-z0-9_.]+)\}`)
	for _, want := range []struct{ lang, id, place string }{
		{"zh", "label.101", "按 1 后（代码 1） · 选项：【{label.101}】 {menu.press} {key.1} …"},
		{"en", "label.101", "after keys 1 (code 1) · option: 【{label.101}】 {menu.press} {key.1} …"},
		{"zh", "order.per_month", "按 3 1 1 后（代码 3011） · 请用户确认：{order.will_open} {svc.caller_id} 【{order.per_month}】 〈金额〉 {order.confirm} …"},
		{"zh", "auth.wrong", "按 1 2 后（代码 102） · 按键或输入有误时：【{auth.wrong}】 {auth.again}"},
		{"zh", "region.beijing", "按 2 6 <phone> 后 · 查询结果：{home.is} 【{region.beijing}】"},
		{"zh", "n.10", "二【十】一"},
		{"zh", "n.yao", "【幺】零"},
		{"en", "n.20", "【twenty】 one"},
	} {
		place := written.ReplaceAllStringFunc(want.place, func(id string) string {
			return p.texts.Text(want.lang, prompts.Prompt(strings.Trim(id, "{}")))
		})
		var shown []string
		for _, r := range s.Of(want.lang) {
			if r.ID == want.id {
				shown = slices.Concat(r.Joined, r.Context)
			}
		}
		if !slices.Contains(shown, place) {
			t.Errorf("%s/%s: no place %q in %q", want.lang, want.id, place, shown)
		}
	}
}

// TestASpreadsheetReadsTheSheet as it was meant: Chinese, several lines, nothing that is
// calculated.
func TestASpreadsheetReadsTheSheet(t *testing.T) {
	evil := []string{"=1+1", "+请按", "-请按", "@请按", "＝请按"}
	s := &Sheet{Number: 3, At: morning, Rows: []Row{
		{Lang: "zh", ID: "a.one", File: "zh/a.one.wav", Text: "您好，\"请\"", Note: "一\n二", State: Changed, Why: "你好", Seconds: 2.5},
		{Lang: "en", ID: "a.one", Text: "Hello."},
	}}
	for _, text := range evil {
		s.Rows = append(s.Rows, Row{Lang: "zh", ID: "a.x", Text: text, Note: text, State: Refused, Why: text})
	}
	data, err := s.CSV("zh", zone)
	if err != nil {
		t.Fatal(err)
	}
	plain, marked := strings.CutPrefix(string(data), "\ufeff")
	lines, err := csv.NewReader(strings.NewReader(plain)).ReadAll()
	if err != nil || !marked || len(lines) != 2+len(evil) {
		t.Fatalf("%v: mark %v, %d lines in\n%s", err, marked, len(lines), plain)
	}
	if got := strings.Join(lines[1], "|"); got != "1|a.one|zh/a.one.wav|您好，\"请\"|一\n二|菜单以外（由交换机播放，或由运营人员放在业务之前）|2.5|文本已改\n原文本：你好||" {
		t.Errorf("got %q", got)
	}
	for i, text := range evil {
		if got := lines[2+i]; got[3] != "'"+text || got[4] != "'"+text {
			t.Errorf("%q stands as %q and %q", text, got[3], got[4])
		}
	}
}

// TestThePrintedSheet is well formed, has every row with two boxes and its head once per
// page, asks nothing of any other machine, and shows texts as they are.
func TestThePrintedSheet(t *testing.T) {
	p, o := shipped(t)
	s := p.Draw(o)
	s.Rows = append(s.Rows, Row{Lang: "zh", ID: "a.evil", Text: "<script>alert(1)</script>", State: New})
	page, err := s.HTML("zh", zone)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(page)))
	d.Entity = xml.HTMLEntity
	tags, text := map[string]int{}, strings.Builder{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			tags[token.Name.Local]++
		case xml.CharData:
			text.Write(token)
		}
	}
	rows := len(s.Of("zh"))
	if tags["tr"] != rows+2 || tags["i"] != 2*rows || tags["thead"] != 1 || tags["script"]+tags["img"]+tags["link"] != 0 {
		t.Errorf("%d rows: %v", rows, tags)
	}
	for _, want := range []string{"录音单 第 1 号 · zh · 2026-11-20 09:30", p.texts.Text("zh", prompts.Prompt("main.welcome")), "二【十】一", "<script>alert(1)</script>"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, never := range []string{`(?i)https?:`, `(?i)url\(`, `(?i)@import`, `(?i)\ssrc=`} {
		if found := regexp.MustCompile(never).FindString(string(page)); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	if !strings.Contains(string(page), "size: A4") || !strings.Contains(string(page), "table-header-group") {
		t.Error("it is not made to be printed")
	}
}

// TestEveryFragmentHasAnExample in every language.
func TestEveryFragmentHasAnExample(t *testing.T) {
	c := newHouse(t, "a.one: 您好\n")
	c.write("en.yaml", "a.one: Hello.\n")
	texts := c.texts()
	for _, lang := range texts.Languages() {
		shown := joined(texts, lang)
		for _, e := range texts.Entries(lang) {
			if e.Pos.File == "" && e.Silence == 0 && len(shown[e.ID]) == 0 {
				t.Errorf("%s: %s %q stands in none of the samples", lang, e.ID, e.Text)
			}
		}
	}
}
