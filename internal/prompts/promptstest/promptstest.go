// Package promptstest is what tests of prompts share: the programs that they need, and a
// catalogue recorded for those that are not about sound, in which every prompt takes the
// same time, in silence. Tests that listen make real audio instead.
package promptstest

import (
	"bytes"
	"encoding/json"
	"testing/fstest"

	"hotline/internal/prompts"
)

// alawSilence is a sample of 0 in A-law.
const alawSilence = 0xD5

// Silence is an audio folder in which every prompt of a catalogue takes ms, and its
// manifest, which is in the folder too.
func Silence(c *prompts.Catalog, ms int) (fstest.MapFS, prompts.Manifest) {
	data := bytes.Repeat([]byte{alawSilence}, ms*prompts.ALaw.BytesPerMS())
	folder, m := fstest.MapFS{}, prompts.Manifest{}
	for _, lang := range c.Languages() {
		m[lang] = map[string]prompts.Audio{}
		for _, e := range c.Entries(lang) {
			a := Audio(lang, e.ID, e.Text, data)
			folder[a.File] = &fstest.MapFile{Data: data}
			m[lang][e.ID] = a
		}
	}
	folder[prompts.ManifestFile] = &fstest.MapFile{Data: List(m)}
	return folder, m
}

// Audio is how a manifest lists A-law data that says a text.
func Audio(lang, id, text string, data []byte) prompts.Audio {
	hash := prompts.Hash(data)
	return prompts.Audio{
		File: prompts.AudioFile(lang, id, hash, prompts.ALaw), SHA256: hash, Codec: prompts.ALaw,
		MS: len(data) / prompts.ALaw.BytesPerMS(), Source: "voice:test", Text: text, TextSHA256: prompts.Hash(text),
	}
}

// List is the manifest as its file has it.
func List(m prompts.Manifest) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return data
}
