package asterisk

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/CyCoreSystems/ari/v5"
)

// kind is the closed set of messages that Asterisk sends us.
type kind int

const (
	kindUnknown kind = iota
	kindMalformed
	kindStart
	kindEnd
	kindDigit
	kindPlayStarted
	kindPlayFinished
	kindHangupRequest
	kindDestroyed
	kindReplaced
	kindRegistered
	kindResponse
	kinds // how many
)

// kindNames are ARI's type names, and the values of the metric's label "type".
// The last two are newer than the library.
var kindNames = [kinds]string{
	kindUnknown: "unknown", kindMalformed: "malformed",
	kindStart: ari.Events.StasisStart, kindEnd: ari.Events.StasisEnd,
	kindDigit:         ari.Events.ChannelDtmfReceived,
	kindPlayStarted:   ari.Events.PlaybackStarted,
	kindPlayFinished:  ari.Events.PlaybackFinished,
	kindHangupRequest: ari.Events.ChannelHangupRequest,
	kindDestroyed:     ari.Events.ChannelDestroyed, kindReplaced: ari.Events.ApplicationReplaced,
	kindRegistered: "ApplicationRegistered", kindResponse: "RESTResponse",
}

var kindByName = func() map[string]kind {
	m := map[string]kind{}
	for k := kindStart; k < kinds; k++ {
		m[kindNames[k]] = k
	}
	return m
}()

// wanted are the event types that we let Asterisk send; each one kept away
// saves the price of writing, reading and decoding it in every call. (Not
// PlaybackContinuing: a PlaybackStarted follows it for the same item.)
var wanted = []kind{
	kindStart, kindEnd, kindDigit, kindPlayStarted, kindPlayFinished,
	kindHangupRequest, kindDestroyed, kindReplaced,
	kindResponse, // an answer to a request passes the filter like any event
}

// frame is what we need of one message. Its slices are parts of the message:
// they live until the next one is read.
type frame struct {
	kind     kind
	channel  []byte // channel.id, or the channel in playback.target_uri
	playback []byte // playback.id
	media    []byte // playback.media_uri
	failed   bool   // playback.state is "failed"
	digit    byte
	cause    int
	request  uint64 // request_id of a RESTResponse
	status   int
}

var errJSON = errors.New("not a JSON object")

// decode reads one message in one pass without building anything: an event is
// about 700 bytes of which we need 50, and a call has thirty of them. Values of an
// unexpected type read as absent. It accepts some input that is no JSON; whatever
// it is given, it ends, and takes nothing from outside b.
func (f *frame) decode(b []byte) error {
	*f = frame{}
	s := scanner{b: b}
	err := s.object(f.topField)
	if err != nil {
		f.kind = kindMalformed
	}
	return err
}

func (f *frame) topField(key []byte, s *scanner) (err error) {
	var v []byte
	switch string(key) {
	case "type":
		v, err = s.str()
		f.kind = kindByName[string(v)]
	case "channel":
		f.channel = nil
		err = s.object(f.channelField)
	case "playback":
		f.playback, f.media, f.failed = nil, nil, false
		err = s.object(f.playbackField)
	case "digit":
		v, err = s.str()
		f.digit = 0
		if len(v) == 1 {
			f.digit = v[0]
		}
	case "cause":
		f.cause, err = s.number()
	case "status_code":
		f.status, err = s.number()
	case "request_id":
		v, err = s.str()
		// What is no number is not ours: 0 is never used as an id.
		f.request, _ = strconv.ParseUint(string(v), 10, 64)
	default:
		err = s.skip()
	}
	return err
}

func (f *frame) channelField(key []byte, s *scanner) (err error) {
	if string(key) != "id" {
		return s.skip()
	}
	f.channel, err = s.str()
	return err
}

func (f *frame) playbackField(key []byte, s *scanner) (err error) {
	switch string(key) {
	case "id":
		f.playback, err = s.str()
	case "media_uri":
		f.media, err = s.str()
	case "state":
		var v []byte
		v, err = s.str()
		f.failed = string(v) == "failed"
	case "target_uri":
		var v []byte
		v, err = s.str()
		f.channel, _ = bytes.CutPrefix(v, []byte("channel:"))
	default:
		err = s.skip()
	}
	return err
}

// scanner walks through JSON text. Its position never passes the end, and
// every step moves it on or fails.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek gives the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.i == len(s.b) {
		return false
	}
	s.i++
	return true
}

// object calls field for every key; field must take the value. A value that is
// no object is passed over, except at the top.
func (s *scanner) object(field func(key []byte, s *scanner) error) error {
	top := s.i == 0
	if !s.take('{') {
		if top {
			return errJSON
		}
		return s.skip()
	}
	if s.take('}') {
		return nil
	}
	for {
		if s.peek() != '"' {
			return errJSON
		}
		key, err := s.str()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return errJSON
		}
		if err := field(key, s); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take('}') {
			return nil
		}
		return errJSON
	}
}

// str takes a value and gives its text, nil where it is no string.
func (s *scanner) str() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.skip()
	}
	start := s.i
	end, escaped, err := s.quoted()
	if err != nil || !escaped {
		return s.b[start+1 : end], err
	}
	var v string // escapes are rare: leave them to the library
	if err := json.Unmarshal(s.b[start:end+1], &v); err != nil {
		return nil, errJSON
	}
	return []byte(v), nil
}

// quoted moves past a string and gives the place of its closing quote.
func (s *scanner) quoted() (end int, escaped bool, err error) {
	from := s.i + 1
	for i := from; ; {
		q := bytes.IndexByte(s.b[i:], '"')
		if q < 0 {
			s.i = len(s.b)
			return from, false, errJSON
		}
		i += q
		// The quote is escaped if an odd number of backslashes stands before it.
		n := i
		for n > from && s.b[n-1] == '\\' {
			n--
		}
		if (i-n)%2 == 0 {
			s.i = i + 1
			return i, bytes.IndexByte(s.b[from:i], '\\') >= 0, nil
		}
		i++
	}
}

// number takes a value and gives it as an int, 0 where it is none.
func (s *scanner) number() (int, error) {
	s.space()
	start := s.i
	if err := s.skip(); err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(s.b[start:s.i]))
	if err != nil {
		return 0, nil // a value of another type reads as absent
	}
	return n, nil
}

// skip moves past any value.
func (s *scanner) skip() error {
	depth := 0
	for {
		switch c := s.peek(); c {
		case '"':
			if _, _, err := s.quoted(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			s.i++
		case '}', ']':
			if depth == 0 {
				return errJSON
			}
			depth--
			s.i++
		case ',', ':':
			if depth == 0 {
				return errJSON
			}
			s.i++
			continue
		default:
			if s.i == len(s.b) {
				return errJSON
			}
			s.word()
		}
		if depth == 0 {
			return nil
		}
	}
}

// word moves past a number, true, false, null or whatever stands in their place.
func (s *scanner) word() {
	for s.i++; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\n', '\r':
			return
		}
	}
}
