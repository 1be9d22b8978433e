package dialtest

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The RTP payload types of our offer: PCMA is static (RFC 3551), the one of the
// telephone events is ours to choose.
const (
	typePCMA   = 8
	typeEvents = 101
)

// offer is the SDP of a caller who speaks A-law only, so that the switch can
// send the prompt files as they are.
func offer(local netip.AddrPort, session uint64) []byte {
	return fmt.Appendf(nil, "v=0\r\n"+
		"o=dialtest %d 1 IN IP4 %s\r\n"+
		"s=dialtest\r\n"+
		"c=IN IP4 %s\r\n"+
		"t=0 0\r\n"+
		"m=audio %d RTP/AVP %d %d\r\n"+
		"a=rtpmap:%d PCMA/8000\r\n"+
		"a=rtpmap:%d telephone-event/8000\r\n"+
		"a=fmtp:%d 0-15\r\n"+
		"a=ptime:20\r\n"+
		"a=sendrecv\r\n",
		session, local.Addr(), local.Addr(), local.Port(), typePCMA, typeEvents, typePCMA, typeEvents, typeEvents)
}

// answer is what the switch accepted of our offer.
type answer struct {
	to     netip.AddrPort // where our RTP goes
	events uint8          // payload type of telephone events; 0: not accepted
}

var errNoPCMA = errors.New("the answer accepts no PCMA audio")

// parseAnswer reads the lines that matter of an SDP answer (RFC 4566): c=, the
// audio m= line and the rtpmap of telephone events.
func parseAnswer(sdp []byte) (answer, error) {
	var a answer
	var addr netip.Addr
	audio, pcma := false, false
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		switch f := strings.Fields(line); {
		case strings.HasPrefix(line, "c=") && len(f) == 3 && (audio || !addr.IsValid()):
			ip, err := netip.ParseAddr(f[2])
			if err != nil {
				return a, fmt.Errorf("connection line of the answer: %w", err)
			}
			addr = ip
		case strings.HasPrefix(line, "m="):
			audio = len(f) > 3 && f[0] == "m=audio" && !a.to.IsValid()
			if !audio {
				continue
			}
			port, err := strconv.ParseUint(f[1], 10, 16)
			if err != nil || port == 0 {
				return a, errNoPCMA
			}
			a.to = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))
			for _, format := range f[3:] {
				pcma = pcma || format == strconv.Itoa(typePCMA)
			}
		case audio && strings.HasPrefix(line, "a=rtpmap:") && len(f) == 2 && strings.HasPrefix(strings.ToLower(f[1]), "telephone-event/8000"):
			if n, err := strconv.ParseUint(strings.TrimPrefix(f[0], "a=rtpmap:"), 10, 7); err == nil {
				a.events = uint8(n)
			}
		}
	}
	if !pcma || !addr.IsValid() {
		return a, errNoPCMA
	}
	a.to = netip.AddrPortFrom(addr, a.to.Port())
	return a, nil
}
