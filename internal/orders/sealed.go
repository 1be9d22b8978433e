package orders

// Sealed is a caller's number as it is stored: for people, for finding the same
// number again, and for the one program that may have it back.
type Sealed struct {
	Masked string // as MSISDN.String gives it
	Hash   []byte // HMAC-SHA-256 under a key: equal for equal numbers, useless without the key
	Enc    []byte // AES-256-GCM: nonce, ciphertext, tag
}
