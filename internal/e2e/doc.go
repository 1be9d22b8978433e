// Package e2e proves the whole path with the real parts: the binary `ivr serve`, a
// real Asterisk, a real Postgres, and callers who place SIP calls, hear RTP and
// press keys. It is the one place that sees both ends of a call: what the caller
// heard, and what was written down of it.
//
// The tests run inside `ivr up --parts -- go test ./internal/e2e`. Each starts a
// server of its own, under an application of its own, on a database of its own,
// so that they disturb neither each other nor a server that runs beside them.
//
// It refuses to be imported: there is nothing in it but tests. It refuses to reach
// into the server: what cannot be seen from outside (voice, rows, metrics, log,
// exit code) is for the tests of the packages.
package e2e
