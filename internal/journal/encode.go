package journal

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hotline/internal/menu"
	"hotline/internal/orders"
	"hotline/internal/prompts"
)

// The kinds of step: one per type of event and effect, and what only the journal
// knows of. A record carries the number, the database the word: the numbers are
// part of the spool's format, so a new kind goes to the end.
const (
	kindCallStarted = iota
	kindCallResumed
	kindStarted
	kindKey
	kindPlayed
	kindTimeout
	kindCommitted
	kindAnswered
	kindRefused // in the spools of earlier versions; kindReturned now
	kindLeft
	kindClosing
	kindNode
	kindPlay
	kindStop
	kindTimer
	kindSubmit
	kindAsk
	kindTransfer
	kindAppOpened
	kindAppBound
	kindAppClosed
	kindAppLeft
	kindCallEnded
	kindReturned
	kindSeen
	kindVerify
	kindLook
	kindSpeak
	kindRated
	kindCallBack
	kindMissed
	kindReplayed
)

var kindNames = [...]string{
	kindCallStarted: "call_started", kindCallResumed: "call_resumed",
	kindStarted: "started", kindKey: "key", kindPlayed: "played", kindTimeout: "timeout", kindCommitted: "committed",
	kindAnswered: "answered", kindRefused: "refused", kindLeft: "left", kindClosing: "closing",
	kindNode: "node", kindPlay: "play", kindStop: "stop", kindTimer: "timer", kindSubmit: "submit", kindAsk: "ask",
	kindTransfer: "transfer", kindAppOpened: "app_opened", kindAppBound: "app_bound", kindAppClosed: "app_closed",
	kindAppLeft: "app_left", kindCallEnded: "call_ended",
	kindReturned: "returned", kindSeen: "seen", kindVerify: "verify", kindLook: "look", kindSpeak: "speak",
	kindRated: "rated", kindCallBack: "call_back",
	kindMissed: "missed", kindReplayed: "replayed",
}

// A step costs every call, so its detail is appended by hand: a member is added
// to the open object at the end of b, which begins with '{'.

func member(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func text(b []byte, name, value string) []byte { return quote(member(b, name), value) }

// textIf leaves out what is empty.
func textIf(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return text(b, name, value)
}

func number(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(member(b, name), value, 10)
}

func truth(b []byte, name string, value bool) []byte {
	return strconv.AppendBool(member(b, name), value)
}

const hexDigits = "0123456789abcdef"

func hexText(b []byte, name string, value []byte) []byte {
	b = append(member(b, name), '"')
	for _, c := range value {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, '"')
}

// quote appends s as a JSON string that jsonb takes: it has no U+0000 and no
// invalid UTF-8, whatever a BOSS puts into its reference.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c == 0:
			b = utf8.AppendRune(b, utf8.RuneError)
			i++
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
		}
	}
	return append(b, '"')
}

func appendHeard(b []byte, h menu.Heard) []byte {
	if h == (menu.Heard{}) {
		return b
	}
	b = number(b, "play", int64(h.Play))
	b = number(b, "ref", int64(h.Ref))
	b = number(b, "ms", int64(h.MS))
	return number(b, "percent", int64(h.Percent))
}

func appendPosition(b []byte, p menu.Position) []byte {
	b = text(b, "prompt", maskSpoken(p.Prompt))
	b = number(b, "ms", int64(p.MS))
	return number(b, "percent", int64(p.Percent))
}

// manyDigits is from where on digits read aloud may be somebody's number.
const manyDigits = 7

func appendRefs(b []byte, refs []prompts.Ref) []byte {
	b = append(member(b, "refs"), '[')
	for i, r := range refs {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case r.In != "" || r.Read == prompts.Digits || r.Read == prompts.Phone || r.Read == prompts.Time:
			b = quote(b, maskSpoken(r.String()))
		case r.Read == prompts.Say:
			b = quote(b, r.ID)
		default:
			b = append(b, '"')
			b = append(b, r.Read...)
			b = append(b, '(')
			b = strconv.AppendInt(b, r.N, 10)
			b = append(b, ')', '"')
		}
	}
	return append(b, ']')
}

// maskSpoken hides a number that is read back to its caller: "digits(****01)",
// "phone(****01)", in whatever language.
func maskSpoken(ref string) string {
	before, digits, found := strings.Cut(ref, "(")
	digits, closed := strings.CutSuffix(digits, ")")
	how := prompts.Reading(before[strings.IndexByte(before, ':')+1:])
	if !found || !closed || len(digits) < manyDigits || how != prompts.Digits && how != prompts.Phone {
		return ref
	}
	return before + "(****" + digits[len(digits)-2:] + ")"
}

// appendWith adds which parameters a caller typed for a request. What he typed is
// in the keys, where they may be recorded.
func appendWith(b []byte, with orders.With) []byte {
	if len(with) == 0 {
		return b
	}
	b = append(member(b, "with"), '[')
	for i, name := range slices.Sorted(maps.Keys(with)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, name)
	}
	return append(b, ']')
}

// appendFacts adds an object of texts.
func appendFacts(b []byte, facts map[string]string) []byte {
	b = append(member(b, "facts"), '{')
	for i, name := range slices.Sorted(maps.Keys(facts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote(b, name), ':')
		b = quote(b, facts[name])
	}
	return append(b, '}')
}
