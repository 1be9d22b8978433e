package studio

import (
	"slices"
	"strings"

	"hotline/internal/prompts"
)

// samples are values whose words have every fragment at every place that it can have:
// first, in the middle, last. A test holds them to that.
func samples() []prompts.Ref {
	var all []prompts.Ref
	add := func(how prompts.Reading, values ...int64) {
		for _, n := range values {
			if r := (prompts.Ref{Read: how, N: n}); r.Sayable() {
				all = append(all, r)
			}
		}
	}
	for n := int64(0); n <= 120; n++ {
		add(prompts.Number, n)
	}
	add(prompts.Number, 200, 205, 310, 512, 1000, 1013, 2000, 2650, 10000, 20000, 30517, 120000, 1000000, 2000000,
		100000000, 200000000, 350000000, 2000000000, 1000000000000, -1, -12)
	add(prompts.Money, 1, 5, 20, 50, 90, 100, 105, 200, 250, 650, 5850, 10000, 123456, 2000000, -650)
	add(prompts.Digits, 0, 1, 7, 10, 23, 95, 10086, 138, 24680, 13579)
	add(prompts.Phone, 10086, 13812345678, 13790123456)
	add(prompts.Time, 0, 5, 30, 200, 700, 710, 945, 1200, 1215, 1530, 2359)
	for month := int64(1); month <= 12; month++ {
		add(prompts.Month, 202600+month)
		add(prompts.Date, 20260000+month*100+month)
	}
	for day := int64(1); day <= 31; day++ {
		add(prompts.Date, 20261000+day)
	}
	add(prompts.Month, 190512, 200001)
	return all
}

// maxJoined is how many examples of a fragment's place a speaker needs.
const maxJoined = 3

// joined shows, by id, the fragments of spoken numbers among their neighbours: 二【十】三.
func joined(texts *prompts.Catalog, lang string) map[string][]string {
	type example struct {
		text  string
		parts int
	}
	best := map[string]map[string]example{} // by id and place
	for _, ref := range samples() {
		said, err := texts.Fragments(lang, []prompts.Ref{ref})
		if err != nil {
			continue // this language does not read it
		}
		for i, f := range said {
			where := "middle"
			switch {
			case len(said) == 1:
				where = "alone"
			case i == 0:
				where = "first"
			case i == len(said)-1:
				where = "last"
			}
			if best[f.ID] == nil {
				best[f.ID] = map[string]example{}
			}
			if known, there := best[f.ID][where]; !there || len(said) < known.parts {
				best[f.ID][where] = example{mark(lang, said, i), len(said)}
			}
		}
	}
	all := map[string][]string{}
	for id, found := range best {
		for _, where := range []string{"first", "middle", "last", "alone"} {
			if e, there := found[where]; there && len(all[id]) < maxJoined {
				all[id] = append(all[id], e.text)
			}
		}
	}
	return all
}

// mark writes fragments with one of them in brackets.
func mark(lang string, said []prompts.Fragment, at int) string {
	words := make([]string, len(said))
	for i, f := range said {
		words[i] = f.Text
	}
	words[at] = bracket(words[at])
	return join(lang, slices.Values(words))
}

func bracket(text string) string { return "【" + text + "】" }

// blank is what stands between words that are joined.
func blank(lang string) string {
	if lang == "zh" {
		return ""
	}
	return " "
}

func join(lang string, words func(func(string) bool)) string {
	return strings.Join(slices.Collect(words), blank(lang))
}
