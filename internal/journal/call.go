package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/google/uuid"

	"hotline/internal/menu"
	"hotline/internal/orders"
)

// Head is what is known of a call when it begins.
type Head struct {
	ID          uuid.UUID
	At          time.Time
	Caller      orders.MSISDN // the zero MSISDN where the caller hides it
	Dialled     string
	Menu        string
	MenuVersion string
	Test        bool // placed by a dial test
}

// Call records one call. It belongs to the goroutine that runs the call, and is
// no longer of use after the Flush that follows menu.End.
type Call struct {
	j       *Journal
	id      uuid.UUID
	caller  orders.MSISDN
	version string
	test    bool
	seq     uint32
	node    string // where the call is, for the steps that do not say it
	buf     []byte
	records int
	started int // where the record being written begins in buf
}

// Begin starts the record of a call. Its first step, call_started, is written
// by the first Flush.
func (j *Journal) Begin(h Head) *Call {
	c := j.call(h)
	b := c.sealed(c.open(h.At, kindCallStarted, ""))
	b = text(b, "dialled", h.Dialled)
	b = text(b, "menu", h.Menu)
	b = text(b, "version", h.MenuVersion)
	b = truth(b, "test", h.Test)
	c.close(text(b, "server", j.server))
	return c
}

// Resume goes on with the record of a call that was begun before, here or by
// another server, after its step seq (Interrupted gives it). Its first event is
// menu.Resumed: from then on the call is this server's.
func (j *Journal) Resume(h Head, seq int) *Call {
	c := j.call(h)
	c.seq = uint32(seq)
	return c
}

func (j *Journal) call(h Head) *Call {
	return &Call{j: j, id: h.ID, caller: h.Caller, version: h.MenuVersion, test: h.Test, buf: make([]byte, 0, 2048)}
}

// Flush appends what has been recorded to the spool, in one write. Effects leave
// after it, so that what a caller has heard is on record even if the process is
// killed the moment after. An error says that these steps are lost (and counted);
// the call goes on.
func (c *Call) Flush() error {
	if c.records == 0 {
		return nil
	}
	err := c.j.spool.append(c.buf, c.records)
	c.buf, c.records = c.buf[:0], 0
	if err != nil {
		return fmt.Errorf("write the steps of call %s to the spool: %w", c.id, err)
	}
	return nil
}

// A record in the spool: length of the rest after the checksum (4 bytes), CRC-32C
// of length and rest (4), then the body: call (16), seq (4), at in µs since 1970
// (8), kind (1), length of the node's name (2), node, detail as JSON. Little endian.
const (
	recordHead = 8
	bodyHead   = 16 + 4 + 8 + 1 + 2
	maxBody    = 1 << 18
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// open begins a record and its detail object; close ends both.
func (c *Call) open(at time.Time, kind byte, node string) []byte {
	c.seq++
	c.started = len(c.buf)
	b := append(c.buf, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, c.id[:]...)
	b = binary.LittleEndian.AppendUint32(b, c.seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.UnixMicro()))
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(node)))
	b = append(b, node...)
	return append(b, '{')
}

func (c *Call) close(b []byte) {
	b = append(b, '}')
	r := b[c.started:]
	binary.LittleEndian.PutUint32(r, uint32(len(r)-recordHead))
	binary.LittleEndian.PutUint32(r[4:], checksum(r))
	c.buf = b
	c.records++
}

func checksum(record []byte) uint32 {
	sum := crc32.Update(0, castagnoli, record[:4])
	return crc32.Update(sum, castagnoli, record[recordHead:])
}

// Event records something that happened. secret says that the key of a Pressed
// may be part of what is private: it is recorded as "•".
func (c *Call) Event(at time.Time, ev menu.Event, secret bool) {
	switch e := ev.(type) {
	case menu.Started:
		c.close(textIf(c.open(at, kindStarted, c.node), "language", e.Language))
	case menu.Resumed:
		c.close(text(c.open(at, kindCallResumed, ""), "server", c.j.server)) // whose the call is from here on
	case menu.Pressed:
		key := "•"
		if !secret {
			key = string(rune(e.Key))
		}
		c.close(appendHeard(text(c.open(at, kindKey, c.node), "key", key), e.Heard))
	case menu.Played:
		b := number(c.open(at, kindPlayed, c.node), "id", int64(e.ID))
		if e.Failed {
			b = truth(b, "failed", true)
		}
		c.close(appendHeard(b, e.Heard))
	case menu.Elapsed:
		c.close(number(c.open(at, kindTimeout, c.node), "id", int64(e.ID)))
	case menu.Committed:
		c.close(text(number(c.open(at, kindCommitted, c.node), "id", int64(e.ID)), "order", e.Order))
	case menu.Answered:
		c.answered(at, e)
	case menu.Seen:
		b := number(c.open(at, kindSeen, c.node), "id", int64(e.ID))
		if e.Closed {
			b = truth(b, "closed", true)
		}
		if e.Priced {
			b = number(b, "price", int64(e.Price))
		}
		c.close(textIf(b, "notice", e.Notice))
	case menu.Returned:
		b := truth(number(c.open(at, kindReturned, c.node), "id", int64(e.ID)), "reached", e.Reached)
		c.close(textIf(b, "to", e.Node))
	case menu.Left:
		c.close(appendHeard(text(c.open(at, kindLeft, c.node), "why", string(e.Why)), e.Heard))
	case menu.Closing:
		c.close(appendHeard(c.open(at, kindClosing, c.node), e.Heard))
	}
}

// answered leaves out the values: what a caller owes is not the journal's business.
func (c *Call) answered(at time.Time, e menu.Answered) {
	b := number(c.open(at, kindAnswered, c.node), "id", int64(e.ID))
	b = text(b, "outcome", string(e.Answer.Outcome))
	b = text(b, "detail", string(e.Answer.Detail))
	if ref := e.Answer.BossRef; ref != "" {
		// A BOSS may build its reference from the number.
		if !c.caller.IsZero() {
			ref = strings.ReplaceAll(ref, c.caller.Reveal(), c.caller.String())
		}
		b = text(b, "boss_ref", ref[:min(len(ref), 200)])
	}
	c.close(b)
}

// Effect records what the Machine wants done. Call it for every effect, in order.
func (c *Call) Effect(at time.Time, ef menu.Effect) {
	switch e := ef.(type) {
	case menu.Entered:
		c.node = e.Node
		c.close(c.open(at, kindNode, e.Node))
	case menu.Play:
		b := number(c.open(at, kindPlay, e.Node), "id", int64(e.ID))
		if e.Asks {
			b = truth(b, "asks", true)
		}
		c.close(appendRefs(b, e.Refs))
	case menu.StopPlay:
		c.close(number(c.open(at, kindStop, c.node), "id", int64(e.ID)))
	case menu.SetTimer:
		b := number(c.open(at, kindTimer, c.node), "id", int64(e.ID))
		c.close(text(number(b, "ms", e.After.Milliseconds()), "for", string(e.For)))
	case menu.Submit:
		b := app(number(c.open(at, kindSubmit, c.node), "id", int64(e.ID)), e.App)
		b = text(text(b, "service", e.Service), "action", string(e.Action))
		b = number(b, "price", int64(e.Price))
		if e.Priced {
			b = number(b, "boss_price", int64(e.BossPrice))
		}
		c.close(appendWith(b, e.With))
	case menu.Ask:
		b := app(number(c.open(at, kindAsk, c.node), "id", int64(e.ID)), e.App)
		c.close(appendWith(text(text(b, "query", e.Query), "service", e.Service), e.With))
	case menu.Verify:
		c.close(app(number(c.open(at, kindVerify, c.node), "id", int64(e.ID)), e.App))
	case menu.Look:
		c.close(text(number(c.open(at, kindLook, c.node), "id", int64(e.ID)), "service", e.Service))
	case menu.Transfer:
		b := text(number(c.open(at, kindTransfer, c.node), "id", int64(e.ID)), "queue", e.Queue)
		c.close(appendFacts(number(b, "priority", int64(e.Priority)), e.Facts))
	case menu.Missed:
		c.close(text(c.open(at, kindMissed, c.node), "why", string(e.Why)))
	case menu.Replayed:
		c.close(c.open(at, kindReplayed, c.node))
	case menu.End:
		c.close(text(c.open(at, kindCallEnded, c.node), "reason", string(e.Reason)))
	default:
		c.lasting(at, ef)
	}
}

// lasting records what outlives the call: the wishes that it leaves behind, and its
// applications. Version and test are repeated from the head, so that the rows made
// of these steps need no other.
func (c *Call) lasting(at time.Time, ef menu.Effect) {
	switch e := ef.(type) {
	case menu.Speak:
		b := text(c.open(at, kindSpeak, c.node), "language", e.Language)
		if e.Remember {
			b = c.sealed(truth(b, "remember", true))
		}
		c.close(b)
	case menu.Rated:
		b := number(text(c.open(at, kindRated, c.node), "service", e.Service), "score", int64(e.Score))
		c.close(truth(text(b, "version", c.version), "test", c.test))
	case menu.CallBack:
		b := text(text(c.open(at, kindCallBack, c.node), "queue", e.Queue), "service", e.Service)
		c.close(c.sealed(truth(b, "test", c.test)))
	default:
		c.application(at, ef)
	}
}

// sealed adds the caller's number as it may be stored; ivr.absorb takes it off the
// step again.
func (c *Call) sealed(b []byte) []byte {
	sealed := c.j.sealer.Seal(c.caller)
	b = text(b, "caller", sealed.Masked)
	if len(sealed.Enc) > 0 {
		b = hexText(hexText(b, "hash", sealed.Hash), "enc", sealed.Enc)
	}
	return b
}

func (c *Call) application(at time.Time, ef menu.Effect) {
	switch e := ef.(type) {
	case menu.AppOpened:
		b := text(app(c.open(at, kindAppOpened, e.Node), e.App), "kind", string(e.Kind))
		if e.Continues != 0 {
			b = number(b, "continues", int64(e.Continues))
		}
		c.close(truth(text(b, "version", c.version), "test", c.test))
	case menu.AppBound:
		b := text(app(c.open(at, kindAppBound, e.Node), e.App), "kind", string(e.Kind))
		c.close(text(text(b, "service", e.Service), "action", string(e.Action)))
	case menu.AppClosed:
		b := text(app(c.open(at, kindAppClosed, e.At.Node), e.App), "outcome", string(e.Result.Outcome))
		b = appendPosition(text(b, "detail", string(e.Result.Detail)), e.At)
		b = number(b, "no_input", int64(e.Tries.NoInput))
		b = number(b, "invalid", int64(e.Tries.Invalid))
		c.close(number(b, "replays", int64(e.Tries.Replays)))
	case menu.AppLeft:
		c.close(appendPosition(app(c.open(at, kindAppLeft, e.At.Node), e.App), e.At))
	}
}

func app(b []byte, a menu.App) []byte { return number(b, "app", int64(a)) }
