package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotline/internal/prompts/promptstest"
	"hotline/internal/prompts/recorded"
)

// attack is one file that a studio, or somebody else, could send.
type attack struct {
	class string // of the set's table
	name  string // of the file
	data  []byte
}

// spoken is what the good recordings say that the set is made of, in some 3 s.
const spoken = "Welcome to the hotline. For your balance, press 1. For your bill, press 2."

// good gives a recording of speech in each form, by extension, and "ima" and "gsm610" for
// two kinds of sound in WAVE that come in blocks.
func good(t testing.TB) map[string][]byte {
	t.Helper()
	promptstest.Need(t, "espeak-ng", "sox", "ffmpeg", "prlimit")
	dir := t.TempDir()
	from := filepath.Join(dir, "from.wav")
	if out, err := exec.Command("espeak-ng", "-v", "en-gb", "-w", from, spoken).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	all := map[string][]byte{}
	for name, options := range map[string]string{
		"wav": "-b 16 x.wav", "ima": "-e ima-adpcm x.wav", "gsm610": "-e gsm-full-rate x.wav", "flac": "x.flac",
		"vox": "x.vox", "gsm": "x.gsm", "alaw": "-t al x.alaw", "ulaw": "-t ul x.ulaw",
	} {
		args := append([]string{"-V1", "-D", from, "-r", "8000", "-c", "1"}, strings.Fields(options)...)
		file := filepath.Join(dir, name+"."+args[len(args)-1])
		args[len(args)-1] = file
		if out, err := exec.Command("sox", args...).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		all[name] = read(t, file)
	}
	for _, ext := range []string{"mp3", "wma", "ogg"} {
		// bitexact: no date and no random serial number is in them, so that the set is the same each time.
		all[ext] = read(t, ffmpeg(t, from, filepath.Join(dir, "x."+ext), "-bitexact -ar 16000 -ac 1"))
	}
	return all
}

// extension is that of a good recording.
func extension(form string) string {
	if form == "ima" || form == "gsm610" {
		return "wav"
	}
	return form
}

// hostile gives the set. It is the same each time.
func hostile(t testing.TB) []attack {
	t.Helper()
	from := good(t)
	forms := slices.Sorted(func(yield func(string) bool) {
		for form := range from {
			if !yield(form) {
				return
			}
		}
	})
	var set []attack
	add := func(class, form, what string, data []byte) {
		set = append(set, attack{class, fmt.Sprintf("%s-%s-%s.%s", strings.ReplaceAll(class, " ", "-"), form, what, extension(form)), data})
	}
	for _, form := range forms {
		data := from[form]
		cut(add, form, data)
		flip(add, form, data)
		add("zeros within", form, "begin", zeroed(data, 0, 512))
		add("zeros within", form, "middle", zeroed(data, len(data)/2, len(data)/4))
		for _, ext := range recorded.Formats {
			if ext != extension(form) {
				set = append(set, attack{"renamed", fmt.Sprintf("renamed-%s.%s", form, ext), data})
			}
		}
	}
	for _, ext := range recorded.Formats {
		fill(add, ext)
	}
	set = append(set, waves(from)...)
	set = append(set, bombs(t, from)...)
	return append(set, strangers(t)...)
}

// cut are transfers that broke off.
func cut(add func(class, form, what string, data []byte), form string, data []byte) {
	for _, n := range []int{1, 4, 11, 43, 100, 700, len(data) / 4, len(data) / 2, len(data) * 9 / 10, len(data) - 1} {
		add("cut", form, fmt.Sprint(n), data[:n])
	}
}

// flip are single wrong bits, many in the header and some behind it.
func flip(add func(class, form, what string, data []byte), form string, data []byte) {
	random := rand.New(rand.NewPCG(uint64(len(data)), uint64(form[0])))
	for i := range 8 {
		at := random.IntN(60)
		bad := bytes.Clone(data)
		bad[at] ^= 1 << random.IntN(8)
		add("bit in the header", form, fmt.Sprint(i, "-", at), bad)
	}
	for i := range 4 {
		bad := bytes.Clone(data)
		for range 20 {
			bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		}
		add("20 bits", form, fmt.Sprint(i), bad)
	}
}

func zeroed(data []byte, from, n int) []byte {
	bad := bytes.Clone(data)
	clear(bad[from:min(from+n, len(bad))])
	return bad
}

// fill are files of nothing.
func fill(add func(class, form, what string, data []byte), ext string) {
	add("empty", ext, "0", nil)
	add("zeros", ext, "40000", make([]byte, 40000))
	add("ones", ext, "40000", bytes.Repeat([]byte{0xFF}, 40000))
	random := rand.NewChaCha8([32]byte{4})
	for _, n := range []int{5, 3000, 500000} {
		noise := make([]byte, n)
		_, _ = random.Read(noise) // never fails
		add("noise", ext, fmt.Sprint(n), noise)
	}
}

// waves are headers of WAVE that lie.
func waves(from map[string][]byte) (set []attack) {
	data := from["wav"]
	add := func(what string, bad []byte) {
		set = append(set, attack{"lying header", "wave-" + what + ".wav", bad})
	}
	patch := func(what string, at int, bytes ...byte) {
		bad := slices.Clone(data)
		copy(bad[at:], bytes)
		add(what, bad)
	}
	patch("rate-0", 24, 0, 0, 0, 0)
	patch("rate-1", 24, 1, 0, 0, 0)
	patch("rate-4g", 24, 0xFF, 0xFF, 0xFF, 0xFF)
	patch("rate-double", 24, 0x80, 0x3E)
	patch("channels-0", 22, 0, 0)
	patch("channels-2", 22, 2, 0)
	patch("channels-9", 22, 9, 0)
	patch("channels-65535", 22, 0xFF, 0xFF)
	patch("bits-0", 34, 0, 0)
	patch("bits-8", 34, 8, 0)
	patch("bits-65535", 34, 0xFF, 0xFF)
	patch("align-0", 32, 0, 0)
	patch("align-65535", 32, 0xFF, 0xFF)
	patch("format-0", 20, 0, 0)
	patch("format-game", 20, 0x70, 0x02) // ATRAC3
	patch("format-ac3", 20, 0x00, 0x20)
	patch("fmt-4g", 16, 0xFF, 0xFF, 0xFF, 0xFF)
	patch("fmt-0", 16, 0, 0, 0, 0)
	patch("data-half", 40, 0x10, 0x27, 0, 0)
	patch("data-1g", 40, 0, 0, 0, 0x40)
	patch("no-fmt", 12, 'f', 'm', 't', 'x')
	patch("avi", 8, 'A', 'V', 'I', ' ')
	patch("rf64", 0, 'R', 'F', '6', '4')
	patch("no-data", 36, 'd', 'a', 't', 'x')
	add("only-header", data[:44])
	add("chunks", slices.Concat(data[:12], bytes.Repeat([]byte("junk\x00\x00\x00\x00"), 200000), []byte("junk\xff\xff\xff\xff")))
	add("data-first", slices.Concat(data[:12], data[36:], data[12:36]))
	add("list-4g", slices.Concat(data[:36], []byte("LIST\xff\xff\xff\xff"), data[36:]))
	ima := slices.Clone(from["ima"])
	copy(ima[32:], []byte{1, 0})
	add("ima-align-1", ima)
	return set
}

// bombs are small and would become large, or never end.
func bombs(t testing.TB, from map[string][]byte) (set []attack) {
	dir := t.TempDir()
	add := func(name string, data []byte) { set = append(set, attack{"bomb", "bomb-" + name, data}) }
	silence := filepath.Join(dir, "silence.flac")
	if out, err := exec.Command("sox", "-D", "-n", "-r", "8000", "-c", "1", silence, "trim", "0", "1200").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	add("20-minutes.flac", read(t, silence))
	add("20-minutes.ogg", read(t, ffmpeg(t, silence, filepath.Join(dir, "x.ogg"), "-bitexact -c:a libopus")))
	add("20-minutes.mp3", read(t, ffmpeg(t, silence, filepath.Join(dir, "x.mp3"), "-bitexact -b:a 8k")))
	add("chained.ogg", bytes.Repeat(from["ogg"], 60))
	add("streams.ogg", manyStreams(3000))
	add("tag-200mb.mp3", slices.Concat([]byte("ID3\x04\x00\x00\x5f\x5e\x00\x00"), from["mp3"]))
	add("tags.mp3", slices.Concat(bytes.Repeat([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), 100000), []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f")))
	add("syncs.mp3", bytes.Repeat([]byte{0xFF, 0xFB, 0xFF}, 200000))
	add("frames.mp3", bytes.Repeat([]byte{0xFF, 0xFB, 0x14, 0xC4}, 200000))
	add("51-mb.alaw", make([]byte, 51<<20))
	add("40-mb.alaw", make([]byte, 40<<20))
	flac := slices.Clone(from["flac"])
	copy(flac[18:], []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}) // 1 MHz, 8 channels, 2^36 samples
	add("huge-claim.flac", flac)
	wma := slices.Clone(from["wma"])
	binary.LittleEndian.PutUint64(wma[16:], 1<<63)
	add("header-8eb.wma", wma)
	wma = slices.Clone(from["wma"])
	binary.LittleEndian.PutUint32(wma[24:], 0xFFFFFFFF)
	binary.LittleEndian.PutUint64(wma[46:], 0)
	add("object-0.wma", wma)
	return set
}

// manyStreams is an Ogg file in which every page begins another stream.
func manyStreams(n int) (data []byte) {
	for i := range n {
		page := append([]byte("OggS\x00\x02"), make([]byte, 8)...)
		page = binary.LittleEndian.AppendUint32(page, uint32(i))
		page = append(page, make([]byte, 8)...)
		page = append(page, 1, 30)
		page = append(page, "\x01vorbis\x00\x00\x00\x00\x02\x44\xac\x00\x00\x00\x00\x00\x00\x00\xee\x02\x00\x00\x00\x00\x00\xb8\x01"...)
		binary.LittleEndian.PutUint32(page[22:], oggSum(0, page))
		data = append(data, page...)
	}
	return data
}

// canary stands in the texts of strangers for a file outside, and listener for the
// host and port of a server: neither may be touched.
const canary, listener = "/CANARY", "LISTENER"

// strangers are no recordings. Most are made to have a player open something else.
func strangers(t testing.TB) (set []attack) {
	texts := map[string]string{
		"hls":      "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://LISTENER/x.ts\n#EXTINF:10.0,\nfile:///CANARY\n#EXT-X-ENDLIST\n",
		"concat":   "ffconcat version 1.0\nfile '/CANARY'\nfile 'http://LISTENER/x'\n",
		"subfile":  "#EXTM3U\n#EXTINF:1,\nconcat:http://LISTENER/?|subfile,,start,0,end,999,,:/CANARY\n",
		"m3u":      "/CANARY\nhttp://LISTENER/x.mp3\n",
		"pls":      "[playlist]\nFile1=/CANARY\nFile2=http://LISTENER/x\nNumberOfEntries=2\n",
		"asx":      "<asx version=\"3.0\"><entry><ref href=\"http://LISTENER/x.wma\"/></entry></asx>",
		"asf-refs": "[Reference]\nRef1=http://LISTENER/x.asf?MSWMExt=.asf\n",
		"dash":     "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet><Representation id=\"1\"><BaseURL>http://LISTENER/x</BaseURL></Representation></AdaptationSet></Period></MPD>",
		"svg":      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"><image xlink:href=\"file:///CANARY\"/></svg>",
		"lavfi":    "amovie=/CANARY",
		"sdp":      "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
		"html":     "<html><body><audio src=\"http://LISTENER/x\"></audio></body></html>",
		"script":   "#!/bin/sh\ncat /CANARY\n",
		"ffmeta":   ";FFMETADATA1\ntitle=x\n",
		"midi":     "MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
		"mp4-ref":  "\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00qt  \x00\x00\x00\x00\x00\x00\x00\x30moov\x00\x00\x00\x28rmra\x00\x00\x00\x20rmda\x00\x00\x00\x18rdrf\x00\x00\x00\x00url \x00\x00\x00\x00/CANARY",
		"zip":      "PK\x03\x04\x14\x00\x00\x00\x08\x00",
		"gzip":     "\x1f\x8b\x08\x00\x00\x00\x00\x00",
		"program":  "\x7fELF\x02\x01\x01\x00",
		"pdf":      "%PDF-1.7\n",
	}
	for name, text := range texts {
		for _, ext := range []string{"wav", "mp3", "wma", "vox"} {
			set = append(set, attack{"stranger", "stranger-" + name + "." + ext, []byte(text)})
		}
	}
	dir := t.TempDir()
	from := sox(t, filepath.Join(dir, "from.wav"), 8000, 1, "-b 16")
	for _, f := range []string{"x.mp4", "x.aiff", "x.au", "x.mkv", "x.caf", "x.w64", "x.wv"} {
		film := read(t, ffmpeg(t, from, filepath.Join(dir, f), "-bitexact"))
		set = append(set, attack{"stranger", "stranger-" + f[2:] + ".wav", film}, attack{"stranger", "stranger-" + f[2:] + ".vox", film})
	}
	slices.SortFunc(set, func(a, b attack) int { return strings.Compare(a.name, b.name) })
	return set
}

// at puts real places into an attack.
func (a attack) at(file, address string) attack {
	data := bytes.ReplaceAll(a.data, []byte(canary), []byte(file))
	a.data = bytes.ReplaceAll(data, []byte(listener), []byte(address))
	return a
}

// write puts a set into a folder.
func write(t testing.TB, dir string, set []attack) {
	t.Helper()
	for _, a := range set {
		if err := os.WriteFile(filepath.Join(dir, a.name), a.data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
