package diff

import (
	"regexp"
	"strings"
)

// aspects are the words for paths of facts; what is in brackets stands for %.
var aspects = map[string]string{
	"BargeIn":           "a key cuts its announcements short",
	"Limits.FirstDigit": "waits for the first key",
	"Limits.InterDigit": "waits for a second key",
	"Limits.EntryDigit": "waits for the next key of an entry",
	"Limits.NoInput":    "further attempts after no key",
	"Limits.Invalid":    "further attempts after a wrong key",
	"Limits.Total":      "further attempts in all",
	"Limits.Then":       "when attempts are used up, goes to",
	"Again":             "asks again with",
	"NoInput":           "says when no key comes",
	"Invalid":           "says after a wrong key",

	"Menu.Greeting": "greets with",
	"Menu.Intro":    "begins with",
	"Menu.Hint":     "ends with",
	"Menu.Handling": "callers here are counted as handling business",
	"Say.Refs":      "says",
	"Hangup.Say":    "says",

	"Collect.Say":        "asks with",
	"Collect.Entry":      "takes",
	"Collect.Fewest":     "keys of an entry, at least",
	"Collect.Most":       "keys of an entry, at most",
	"Collect.Terminator": "key that ends an entry",
	"Collect.Into":       "keeps it as",
	"Collect.SameAs":     "has to be the same as",
	"Collect.ReadBack":   "reads the entry back",
	"Auth.Say":           "asks for the password with",

	"Order.Service":   "service",
	"Order.Action":    "does",
	"Order.Confirm":   "asks a second time, with the price",
	"Order.With[%]":   "is given as %",
	"Query.Name":      "looks up",
	"Query.Service":   "service",
	"Query.With[%]":   "is given as %",
	"Query.Answer":    "answers",
	"Switch.On":       "decides by",
	"Switch.Name":     "decides by what is called",
	"Switch.Cases[%]": "with %, goes to",
	"Switch.Else":     "else goes to",

	"Transfer.Queue":    "connects to queue",
	"Transfer.Say":      "says before connecting",
	"Transfer.Priority": "puts higher stars first",
	"Transfer.Hours":    "has the hours",
	"Transfer.Callback": "offers to call back",
	"Transfer.Else":     "where nobody answers, goes to",

	"Survey.Say":              "asks with",
	"Language.Set":            "changes to language",
	"Language.Choices[%]":     "key % chooses",
	"Language.Choices[%].Say": "key % is offered as",

	"Service.Names[%]": "is written in %",
	"Service.Say":      "is called",
	"Service.Intro":    "is introduced as",
	"Service.Verbs":    "can be",
	"Service.Keyword":  "text message keyword",
	"Service.Brands":   "is for the brands",
	"Week[%]":          "on %",
	"Days[%]":          "on %",
}

var bracketed = regexp.MustCompile(`\[([^\]]*)\]`)

// aspect puts the path of a fact into words. One that has none yet is its path.
func aspect(path string) string {
	in := ""
	if m := bracketed.FindStringSubmatch(path); m != nil {
		in = m[1]
	}
	general := bracketed.ReplaceAllString(path, "[%]")
	words, known := aspects[general]
	switch {
	case known:
		return strings.ReplaceAll(words, "%", in)
	case strings.HasSuffix(path, ".Then"):
		return "goes on to"
	}
	return "says for " + spaced(path)
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// spaced writes the name of a phrase: "NoAgent" is "no agent".
func spaced(path string) string {
	path = strings.NewReplacer("[", " ", "]", "").Replace(path)
	return strings.ToLower(capital.ReplaceAllString(path, "$1 $2"))
}

// groupOf is the group of a fact, by its path.
func groupOf(path string, otherwise Group) Group {
	switch {
	case strings.HasPrefix(path, "Limits.") || path == "NoInput" || path == "Invalid" || path == "Again":
		return Errors
	case otherwise == Errors && isPhraseOfOrders(path):
		return Spoken
	case strings.HasSuffix(path, ".Say") || strings.HasSuffix(path, ".Refs") || path == "Service.Intro",
		path == "Menu.Greeting", path == "Menu.Intro", path == "Menu.Hint", path == "Query.Answer":
		return Spoken
	}
	return otherwise
}

// isPhraseOfOrders tells which phrases are said when nothing went wrong.
func isPhraseOfOrders(path string) bool {
	for _, name := range []string{
		"Press", "Goodbye", "Wait", "WillOpen", "WillClose", "Price", "Confirm", "Decline", "Cancelled", "EntryIs", "Right", "Retype",
		"EnterPassword", "Done", "Transfer", "CallbackOffer", "CallbackYes", "CallbackNo", "CallbackDone", "Thanks", "LanguageSet",
	} {
		if bare, _, _ := strings.Cut(path, "["); bare == name {
			return true
		}
	}
	return false
}

// leadsToNode tells whether the value at a path is a node.
func leadsToNode(path string) bool {
	return strings.HasSuffix(path, ".Then") || strings.HasSuffix(path, ".Else") || strings.HasPrefix(path, "Switch.Cases[")
}
