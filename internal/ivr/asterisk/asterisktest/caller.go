package asterisktest

import (
	"slices"
	"time"
)

// What a test does to a Server: as the caller, as Asterisk, and as bad luck.

// Enter lets a channel into the application, new or back from the dialplan.
func (s *Server) Enter(id string, args ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[id] == nil {
		s.channels[id] = &channel{}
	}
	s.channels[id].inside = true
	s.event("StasisStart", map[string]any{"args": args, "channel": s.channelData(id)})
}

// Press presses one key.
func (s *Server) Press(id string, key byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(id)
	s.event("ChannelDtmfReceived", map[string]any{"digit": string(key), "duration_ms": 60, "channel": s.channelData(id)})
}

// Finish ends what the channel hears: the item, and with the last item the playback.
// State is "done", or "failed" for the whole playback at once.
func (s *Server) Finish(id, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.must(id)
	if state == "done" && len(ch.plays[0].rest) > 0 {
		p := ch.plays[0]
		p.State = "continuing"
		s.event("PlaybackContinuing", map[string]any{"playback": p})
		p.advance()
		s.begin(ch)
		return
	}
	s.finish(ch, state)
}

// HangUp hangs up on the caller's side, wherever the channel is.
func (s *Server) HangUp(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(id, s.must(id), 16)
}

// Vanish removes a channel without a word, as a restart of Asterisk does.
func (s *Server) Vanish(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.channels, id)
}

// Refuse lets the next such request fail, e.g. "POST channels/1/continue".
func (s *Server) Refuse(request string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[request] = status
}

// Send sends any text as a message.
func (s *Server) Send(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(message)
}

// Drop cuts the client's connection.
func (s *Server) Drop() {
	s.mu.Lock()
	ws := s.socket
	s.socket = nil
	s.mu.Unlock()
	if ws != nil {
		_ = ws.CloseNow() // it is to be gone, that is all
	}
}

// Requests gives what was asked so far, as "METHOD path" below the ARI root.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Playing gives the ids of a channel's playbacks; the first one is heard.
func (s *Server) Playing(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, p := range s.must(id).plays {
		ids = append(ids, p.ID)
	}
	return ids
}

// Sockets counts the connections made so far.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sockets
}

// Restart makes it another process for whoever asks; who is connected stays so until Drop.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = s.started.Add(time.Second)
}
