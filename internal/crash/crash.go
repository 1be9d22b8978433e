// Package crash names the moments at which a server is killed on purpose: around the
// insert of an order, its sending, its reply and its commit, where a death is worst.
//
//	crash.At(crash.OrderSent)
//
// A build with the tag "crashpoints" ends its own process by SIGKILL at the pass that
// IVR_CRASH_AT=point:n asks for (n counts from 1, over the whole process). In every other
// build At is empty and compiled away.
//
// It refuses to fail in any gentler way: an error or a panic would run deferred calls,
// which a power cut does not.
package crash

// Point is one moment on the way of an order or of a call.
type Point string

// The points, in the order in which an order passes them.
const (
	OrderConfirmed Point = "order.confirmed" // the call has given it to the Desk, nothing is stored
	OrderInserted  Point = "order.inserted"  // the intent is committed, nobody has been told
	OrderMarked    Point = "order.marked"    // marked as sent, not a byte has left
	OrderReplied   Point = "order.replied"   // the BOSS has answered, nothing of it is stored
	OrderCommitted Point = "order.committed" // the result is stored, the call has not got it
	CallDecided    Point = "call.decided"    // the Machine has decided, nothing is recorded
	CallRecorded   Point = "call.recorded"   // the steps are in the spool, no effect has left
	CallAnswered   Point = "call.answered"   // the caller is about to be told what came of it
)

// Points lists them all.
func Points() []Point {
	return []Point{OrderConfirmed, OrderInserted, OrderMarked, OrderReplied, OrderCommitted, CallDecided, CallRecorded, CallAnswered}
}
