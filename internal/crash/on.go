//go:build crashpoints

package crash

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Enabled tells whether this build can be killed at a point.
const Enabled = true

// setting is the variable of the environment that asks for a death.
const setting = "IVR_CRASH_AT"

// asked is read at the first pass of any point: the environment of a process does not change.
var asked = sync.OnceValue(func() *order {
	text := os.Getenv(setting)
	if text == "" {
		return &order{}
	}
	point, count, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 || !slices.Contains(Points(), Point(point)) {
		// A misspelt point would be a kill that never comes, and a test that shows nothing.
		fmt.Fprintf(os.Stderr, "%s=%q is not point:n with n from 1; points: %v\n", setting, text, Points())
		os.Exit(2)
	}
	o := &order{at: Point(point)}
	o.left.Store(n)
	return o
})

type order struct {
	at   Point
	left atomic.Int64
}

// At kills this process where it was asked to be killed at this pass of the point.
func At(p Point) {
	o := asked()
	if o.at != p || o.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal may take a moment, in which nothing more may happen
}
