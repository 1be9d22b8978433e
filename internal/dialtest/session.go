package dialtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"

	"hotline/internal/orders"
)

const (
	// firstWord is how long a switch may take to say anything at all to an INVITE;
	// until then nobody is there. SIP itself would wait 32 s.
	firstWord = 4 * time.Second
	byeWait   = 5 * time.Second
	// lastPackets is how long a call that has ended still listens to what is on its way.
	lastPackets = 60 * time.Millisecond
)

var (
	// ErrNobody: nothing at Options.Addr speaks SIP.
	ErrNobody = errors.New("nobody answers there")
	// ErrEnded: the call has ended.
	ErrEnded = errors.New("the call has ended")
)

// RefusedError is the switch's refusal of a call, e.g. 486 Busy Here.
type RefusedError struct {
	Code   int // SIP status
	Reason string
}

// Error gives the status as SIP does: "refused: 486 Busy Here".
func (e *RefusedError) Error() string { return fmt.Sprintf("refused: %d %s", e.Code, e.Reason) }

// Call is one call to place.
type Call struct {
	From orders.MSISDN
	To   string // the number dialled
	App  string // asks the dialplan for another application of the switch; "" for the usual one
	// Standby is the application that takes the call where App has no server; "" for none.
	Standby string
	// Asserted is the number that the trunk vouches for (P-Asserted-Identity, RFC 3325), if it is
	// another than From; Withheld asks to keep it from whoever is called (Privacy: id).
	Asserted orders.MSISDN
	Withheld bool
	// OnFrame, if set, is given every frame, in the goroutine that reads them.
	OnFrame func(Frame)
}

// Session is one call that has been answered. Its methods may be called
// concurrently, but a telephone has one finger: one Press at a time.
type Session struct {
	caller   *Caller
	dialog   *sipgo.DialogClientSession
	conn     *net.UDPConn // RTP
	out      *sender
	ear      *ear
	callID   string
	dialled  time.Time
	answered time.Time

	ended  chan struct{}
	ending sync.Once
	by     string // "caller" or "switch"; read after ended
}

// Dial places a call and waits until it is answered; ctx bounds the wait, and
// cancels the call (CANCEL) when it ends first. The errors to branch on are
// ErrNobody and *RefusedError.
func (c *Caller) Dial(ctx context.Context, call Call) (*Session, error) {
	s, err := c.dial(ctx, call)
	if err != nil {
		return nil, fmt.Errorf("call %s at %s: %w", call.To, c.opt.Addr, err)
	}
	return s, nil
}

func (c *Caller) dial(ctx context.Context, call Call) (*Session, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: c.local.Addr().AsSlice()})
	if err != nil {
		return nil, fmt.Errorf("open an RTP socket: %w", err)
	}
	s := &Session{caller: c, conn: conn, out: newSender(conn), ear: newEar(c.opt.Audio), ended: make(chan struct{})}
	if c.opt.Token != "" {
		s.callID = uuid.NewString()
	}
	s.listen(call.OnFrame)
	s.dialled = time.Now()
	if err := s.invite(ctx, call); err != nil {
		s.finish("caller")
		return nil, err
	}
	s.answered = time.Now()
	c.mu.Lock()
	c.calls[s] = struct{}{}
	c.mu.Unlock()
	// From here on the switch's BYE ends the session; one that came before is seen in the replay.
	s.dialog.OnStateReplay(func(state sip.DialogState) {
		if state == sip.DialogStateEnded {
			s.finish("switch")
		}
	})
	return s, nil
}

// listen starts the call's one goroutine: it reads until finish sets the
// socket's deadline, and is the one that says that the call has ended.
func (s *Session) listen(onFrame func(Frame)) {
	s.caller.wg.Go(func() {
		receive(s.conn, s.out.peer, func(f Frame) {
			s.ear.hear(f)
			if onFrame != nil {
				onFrame(f)
			}
		})
		s.conn.Close()
		s.caller.mu.Lock()
		delete(s.caller.calls, s)
		s.caller.mu.Unlock()
		close(s.ended)
	})
}

func (s *Session) finish(by string) {
	s.ending.Do(func() {
		s.by = by
		// An error means that the socket is closed already.
		_ = s.conn.SetReadDeadline(time.Now().Add(lastPackets))
	})
}

// invite sends the INVITE and acknowledges the answer.
func (s *Session) invite(ctx context.Context, call Call) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Before the first word there is nothing to cancel: the cause lets WaitAnswer
	// give up at once.
	silent := time.AfterFunc(firstWord, func() { cancel(sipgo.WaitAnswerForceCancelErr) })
	defer silent.Stop()

	dialog, err := s.caller.dialogs.WriteInvite(ctx, s.inviteRequest(call))
	if err != nil {
		return fmt.Errorf("send INVITE: %w", err)
	}
	err = dialog.WaitAnswer(ctx, sipgo.AnswerOptions{OnResponse: func(*sip.Response) error {
		silent.Stop()
		return nil
	}})
	var refused *sipgo.ErrDialogResponse
	switch {
	case errors.As(err, &refused):
		return &RefusedError{refused.Res.StatusCode, refused.Res.Reason}
	case errors.Is(context.Cause(ctx), sipgo.WaitAnswerForceCancelErr), errors.Is(err, sip.ErrTransactionTimeout):
		return ErrNobody
	case err != nil:
		// The answer may have crossed our CANCEL: then there is a call to end.
		if r := dialog.InviteResponse; r != nil && r.IsSuccess() {
			err = errors.Join(err, ackAndBye(dialog))
		}
		return fmt.Errorf("wait for the answer: %w", err)
	}
	s.dialog = dialog
	ans, sdpErr := parseAnswer(dialog.InviteResponse.Body())
	if sdpErr != nil {
		return errors.Join(sdpErr, ackAndBye(dialog))
	}
	if err := dialog.Ack(ctx); err != nil {
		return errors.Join(fmt.Errorf("send ACK: %w", err), dialog.Close())
	}
	s.out.begin(ans)
	return nil
}

// ackAndBye ends a call that was answered but is of no use.
func ackAndBye(dialog *sipgo.DialogClientSession) error {
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	if err := dialog.Ack(ctx); err != nil {
		return fmt.Errorf("send ACK: %w", err)
	}
	return dialog.Bye(ctx)
}

func (s *Session) inviteRequest(call Call) *sip.Request {
	c := s.caller
	host, port := c.opt.Addr, 0
	if h, p, err := net.SplitHostPort(c.opt.Addr); err == nil {
		host = h
		port, _ = strconv.Atoi(p) // New has dialled this address, so it is a number
	}
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: call.To, Host: host, Port: port})
	from := sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: call.From.Reveal(), Host: c.local.Addr().String()}}
	from.Params.Add("tag", sip.GenerateTagN(16))
	req.AppendHeader(&from)
	contentType := sip.ContentTypeHeader("application/sdp")
	req.AppendHeader(&contentType)
	req.AppendHeader(sip.NewHeader("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS"))
	if c.opt.Token != "" {
		req.AppendHeader(sip.NewHeader(TestHeader, c.opt.Token))
		req.AppendHeader(sip.NewHeader(CallIDHeader, s.callID))
	}
	if !call.Asserted.IsZero() {
		req.AppendHeader(sip.NewHeader("P-Asserted-Identity", "<sip:"+call.Asserted.Reveal()+"@"+c.local.Addr().String()+">"))
	}
	if call.Withheld {
		req.AppendHeader(sip.NewHeader("Privacy", "id"))
	}
	if call.App != "" {
		req.AppendHeader(sip.NewHeader("X-App", call.App))
		if call.Standby != "" {
			req.AppendHeader(sip.NewHeader("X-Standby", call.Standby))
		}
	}
	req.SetBody(offer(s.conn.LocalAddr().(*net.UDPAddr).AddrPort(), rand.Uint64()>>1))
	return req
}

// CallID is the hotline's id of the call (a UUID), the key to its rows in the
// journal; "" for a call without the test mark, whose id only the hotline knows.
func (s *Session) CallID() string { return s.callID }

// Answered tells when the call was answered, and how long that took from the INVITE on.
func (s *Session) Answered() (at time.Time, after time.Duration) {
	return s.answered, s.answered.Sub(s.dialled)
}

// Press presses one key (0-9, *, #, A-D) for length, at least 40 ms and in whole
// frames of 20 ms, and gives the time at which its end was sent.
func (s *Session) Press(ctx context.Context, key byte, length time.Duration) (time.Time, error) {
	at, err := s.strike(ctx, key, length, keyPause)
	if err != nil {
		return time.Time{}, fmt.Errorf("press a key: %w", err)
	}
	return at, nil
}

// strike presses one key, pause after the last one at the earliest. Its errors do not
// tell the key, which may be a password's.
func (s *Session) strike(ctx context.Context, key byte, length, pause time.Duration) (time.Time, error) {
	event, ok := eventOf(key)
	if !ok {
		return time.Time{}, errors.New("a telephone has the keys 0-9, *, # and A-D only")
	}
	select {
	case <-s.ended:
		return time.Time{}, ErrEnded
	default:
	}
	return s.out.key(ctx, event, length, pause)
}

// Type presses keys one right after the other, each for length, without listening to
// what is said upon them. It gives the time at which the end of the last was sent.
func (s *Session) Type(ctx context.Context, keys string, length time.Duration) (at time.Time, err error) {
	for i := range len(keys) {
		if at, err = s.strike(ctx, keys[i], length, keyPause); err != nil {
			return at, fmt.Errorf("press key %d of %d: %w", i+1, len(keys), err)
		}
	}
	return at, nil
}

// Hangup ends the call (BYE), unless it has ended already, and waits until what
// was on its way has been heard. The session ends even if the BYE fails.
func (s *Session) Hangup(ctx context.Context) error {
	s.finish("caller")
	ctx, cancel := context.WithTimeout(ctx, byeWait)
	defer cancel()
	err := s.dialog.Bye(ctx)
	<-s.ended
	// 481: the two BYEs have crossed, and the call is over on both sides.
	var gone sipgo.ErrDialogResponse
	if errors.As(err, &gone) && gone.Res.StatusCode == sip.StatusCallTransactionDoesNotExists {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// Ended is closed when the call has ended and its last packet has been heard.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// EndedBy tells who hung up, "caller" or "switch"; "" while the call is up.
func (s *Session) EndedBy() string {
	select {
	case <-s.ended:
		return s.by
	default:
		return ""
	}
}
