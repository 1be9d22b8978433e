package asterisk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// memory is what a server that was killed has left for the next one: that a process of Asterisk had
// all sounds of one version, in one folder. It spares callers who hold the line the time that
// reading takes, and is good for nothing else: where nobody waits the sounds are read first.
type memory struct {
	Process string `json:"process"`
	Folder  string `json:"folder"`
	Sounds  string `json:"sounds"` // SHA-256 of names and hashes
}

// memoryOf describes what a process has in a folder.
func memoryOf(process, folder string, sounds []Sound) memory {
	sum := sha256.New()
	for _, s := range sounds {
		fmt.Fprintln(sum, s.Name, s.SHA256) // a hash does not fail
	}
	return memory{Process: process, Folder: folder, Sounds: hex.EncodeToString(sum.Sum(nil))}
}

// remembered tells whether the server before has found all of this right on this very process,
// and callers wait for who comes after it.
func (c *Conn) remembered(ctx context.Context, process string, sounds []Sound) bool {
	if c.memory == "" || process == "" {
		return false
	}
	data, err := os.ReadFile(c.memory)
	var was memory
	if err != nil || json.Unmarshal(data, &was) != nil || was != memoryOf(process, c.place(), sounds) {
		return false
	}
	waiting, err := c.rest.channels(ctx, c.app)
	return err == nil && len(waiting) > 0
}

// remember writes it down, once all sounds were read back over the connection that there is.
// Where that fails the next server reads first, as it would anyway.
func (c *Conn) remember(known *checked, sounds []Sound) {
	if c.memory == "" || known.process == "" || len(sounds) == 0 || !known.note(&sounds[0]) {
		return
	}
	data, err := json.Marshal(memoryOf(known.process, c.place(), sounds))
	if err == nil {
		err = os.WriteFile(c.memory+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(c.memory+".new", c.memory)
	}
	if err != nil {
		c.log.Warn("what asterisk was found to have cannot be written down for the next start", "err", err)
	}
}

// forgetMemory is called where something was found wrong.
func (c *Conn) forgetMemory(known *checked) {
	known.note(nil)
	if c.memory == "" {
		return
	}
	if err := os.Remove(c.memory); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.log.Warn("what asterisk was found to have cannot be taken back for the next start", "err", err)
	}
}
