package journal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"hotline/internal/orders"
)

// Sealer turns callers' numbers into what may be stored, and back. The hash lets
// one caller's calls be found; without the key neither it nor the ciphertext
// tells the number, of which there are too few for a plain hash to hide any.
type Sealer struct {
	hashKey []byte
	aead    cipher.AEAD
}

// ReadSealer reads the key file: 32 random bytes in hexadecimal, one line (make
// one with: openssl rand -hex 32). Numbers sealed under a key can only be opened
// and found again with it.
func ReadSealer(file string) (*Sealer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the key for callers' numbers: %w", err)
	}
	// The text of the file is the secret: it must not get into the error.
	key, err := hex.DecodeString(string(bytes.TrimSpace(data)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("read the key for callers' numbers: %s does not hold 32 bytes in hexadecimal (64 digits)", file)
	}
	return NewSealer([32]byte(key)), nil
}

// NewSealer makes a Sealer from its key.
func NewSealer(key [32]byte) *Sealer {
	block, err := aes.NewCipher(derive(key, "encrypt"))
	if err != nil {
		panic(err) // only for a wrong length of key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block size that AES does not have
	}
	return &Sealer{hashKey: derive(key, "hash"), aead: aead}
}

// derive gives each use a key of its own (HMAC as a key derivation, RFC 5869 expand).
func derive(key [32]byte, use string) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("hotline caller " + use + "\x01"))
	return mac.Sum(nil)
}

// Seal gives what may be stored of a number; of an unknown number, its mask only.
func (s *Sealer) Seal(m orders.MSISDN) orders.Sealed {
	if m.IsZero() {
		return orders.Sealed{Masked: m.String()}
	}
	mac := hmac.New(sha256.New, s.hashKey)
	mac.Write([]byte(m.Reveal()))
	enc := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(m.Reveal())+s.aead.Overhead())
	rand.Read(enc) // never fails
	enc = s.aead.Seal(enc, enc, []byte(m.Reveal()), nil)
	return orders.Sealed{Masked: m.String(), Hash: mac.Sum(nil), Enc: enc}
}

// Open gives back the number that Seal encrypted, under the same key.
func (s *Sealer) Open(enc []byte) (orders.MSISDN, error) {
	n := s.aead.NonceSize()
	if len(enc) < n {
		return orders.MSISDN{}, errors.New("open a sealed number: it is too short")
	}
	plain, err := s.aead.Open(nil, enc[:n], enc[n:], nil)
	if err != nil {
		return orders.MSISDN{}, fmt.Errorf("open a sealed number: %w", err)
	}
	return orders.ParseMSISDN(string(plain))
}
