package journal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"hotline/internal/orders"
)

// Sealer turns callers' numbers into what may be stored, and back. The hash lets
// one caller's calls be found; without the key neither it nor the ciphertext
// tells the number, of which there are too few for a plain hash to hide any.
//
// The hash key stays for ever, else no caller would be found again. Encryption keys
// come and go: each has an id that its ciphertexts carry, the newest encrypts, all
// decrypt. It is safe for concurrent use, Reload included.
type Sealer struct {
	file string // "": not from a file
	ring atomic.Pointer[ring]
}

// ReadSealer reads the key file, whose form docs/journal.md tells: at first 32 random
// bytes in hexadecimal, one line (make one with: openssl rand -hex 32).
func ReadSealer(file string) (*Sealer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the keys for callers' numbers: %w", err)
	}
	r, err := parseRing(data)
	if err != nil {
		return nil, fmt.Errorf("read the keys for callers' numbers: %s: %w", file, err)
	}
	s := &Sealer{file: file}
	s.ring.Store(r)
	return s, nil
}

// NewSealer makes a Sealer from one key, as a file with that alone would.
func NewSealer(key [32]byte) *Sealer {
	s := &Sealer{}
	s.ring.Store(&ring{hash: derive(key, "hash"), keys: map[byte]cipher.AEAD{0: newAEAD(derive(key, "encrypt"))}})
	return s
}

// Reload reads the file again, for keys that were added since: so that a rotation needs
// no restart. changed tells whether the newest key is another. A file that cannot be read, or has
// another hash key, changes nothing.
func (s *Sealer) Reload() (changed bool, err error) {
	if s.file == "" {
		return false, nil
	}
	next, err := ReadSealer(s.file)
	if err != nil {
		return false, err
	}
	old, now := s.ring.Load(), next.ring.Load()
	if !hmac.Equal(old.hash, now.hash) {
		return false, fmt.Errorf("read the keys for callers' numbers: %s has another hash key than before; put the old one back", s.file)
	}
	s.ring.Store(now)
	return old.newest != now.newest, nil
}

// Hash gives what a number is found by: HMAC-SHA-256.
func (s *Sealer) Hash(m orders.MSISDN) []byte { return s.ring.Load().mac(m.Reveal()) }

// Newest is the id of the key that encrypts.
func (s *Sealer) Newest() int { return int(s.ring.Load().newest) }

// sealedLen is the length of a ciphertext: version, key id, nonce, number padded to
// one block (so that it does not tell how long the number is), tag. Those of the time
// without ids have 43 bytes at most, which tells the two apart for certain.
const (
	sealedVersion = 1
	headerLen     = 2
	paddedLen     = 16
	sealedLen     = headerLen + 12 + paddedLen + 16
)

// Seal gives what may be stored of a number; of an unknown number, its mask only.
func (s *Sealer) Seal(m orders.MSISDN) orders.Sealed {
	if m.IsZero() {
		return orders.Sealed{Masked: m.String()}
	}
	r := s.ring.Load()
	aead := r.keys[r.newest]
	enc := make([]byte, headerLen+aead.NonceSize(), sealedLen)
	enc[0], enc[1] = sealedVersion, r.newest
	rand.Read(enc[headerLen:]) // never fails
	padded := make([]byte, paddedLen)
	copy(padded, m.Reveal())
	enc = aead.Seal(enc, enc[headerLen:], padded, enc[:headerLen])
	return orders.Sealed{Masked: m.String(), Hash: r.mac(m.Reveal()), Enc: enc}
}

// Open gives back the number that Seal encrypted, under any key of the file.
func (s *Sealer) Open(enc []byte) (orders.MSISDN, error) {
	r := s.ring.Load()
	id, nonce, header := byte(0), enc, []byte(nil)
	if len(enc) == sealedLen {
		if enc[0] != sealedVersion {
			return orders.MSISDN{}, fmt.Errorf("open a sealed number: it is of version %d, which this program does not know", enc[0])
		}
		id, header, nonce = enc[1], enc[:headerLen], enc[headerLen:]
	}
	aead := r.keys[id]
	if aead == nil {
		return orders.MSISDN{}, fmt.Errorf("open a sealed number: key %d, which it is encrypted with, is not in the key file", id)
	}
	n := aead.NonceSize()
	if len(nonce) < n {
		return orders.MSISDN{}, errors.New("open a sealed number: it is too short")
	}
	plain, err := aead.Open(nil, nonce[:n], nonce[n:], header)
	if err != nil {
		return orders.MSISDN{}, fmt.Errorf("open a sealed number: %w", err)
	}
	return orders.ParseMSISDN(string(bytes.TrimRight(plain, "\x00")))
}

// derive gives each use a key of its own (HMAC as a key derivation, RFC 5869 expand).
func derive(key [32]byte, use string) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("hotline caller " + use + "\x01"))
	return mac.Sum(nil)
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong length of key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block size that AES does not have
	}
	return aead
}
