package orders

// Sealed is a caller's number as it is stored: none of its parts gives the
// digits to a reader of the database. The zero Sealed is a caller who is not known.
type Sealed struct {
	Masked string // for people: "138****0001"
	Hash   []byte // keyed hash: the same number has the same hash, to join and to count callers
	Enc    []byte // encrypted, for the few who must reach the caller again
}
