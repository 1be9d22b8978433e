package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressBar shows a person at a terminal how far something is, and how long it will
// still take; elsewhere it keeps still. wipe removes it.
func progressBar(w io.Writer, what string) (progress func(done, total int), wipe func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	const width = 30
	began := time.Now()
	return func(done, total int) {
			full := width * done / max(total, 1)
			left := time.Since(began) * time.Duration(total-done) / time.Duration(max(done, 1))
			fmt.Fprintf(f, "\r%s [%s%s] %d/%d, %d s left \x1b[K", what, strings.Repeat("█", full), strings.Repeat("·", width-full), done, total, int(left.Seconds()+0.5))
		},
		func() { fmt.Fprint(f, "\r\x1b[K") }
}
