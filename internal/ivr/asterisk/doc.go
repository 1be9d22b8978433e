// Package asterisk is the road to one Asterisk (version 22 or later) over ARI,
// the Asterisk REST Interface: calls come in as Channels, each with the events
// of that channel only, and prompts, transfers and hang-ups go out.
//
//	conn := asterisk.New(options, func(ch *asterisk.Channel, a asterisk.Arrival) { go serve(ch, a) })
//	go conn.Run(ctx)
//
//	for {
//		select {
//		case ev := <-ch.Events():
//			// decide, then ch.Play(…), ch.Continue(…) or ch.Hangup(…): none of them blocks
//		case <-ch.Gone():
//			// read what is left in Events: it says why; then forget ch
//		}
//	}
//
// The names of events and the resources are those of github.com/CyCoreSystems/ari/v5.
// Its connection is not used: an event type that it does not know ends the process,
// it visits every call for every event, and it cannot tell a half-open socket.
//
// What holds here:
//   - One socket per Asterisk carries the events and, where Asterisk has REST over
//     WebSocket (22.4), the requests too. Requests on it are served one after the
//     other, so only those that never wait for a playback take that road. Those that
//     may (variables) go over HTTP; without REST over WebSocket, all do, in order
//     for each channel.
//   - A dead or half-open socket is noticed within 10 s and opened again for ever.
//     Calls outlive it: see Lost and Back.
//   - An Asterisk is offered to take calls once what it would play was read back from it
//     and is, by hash, what Options.Sounds lists; and calls are played those very files.
//   - Events of a channel arrive in order and are never dropped in silence.
//
// The package refuses to decide anything about a call: no menus, no timers of a
// call, no watchdog for a prompt that never ends. It never answers a channel and
// never reads its variables (both wait for a running playback): the dialplan answers,
// and passes what we need as arguments of Stasis().
package asterisk
