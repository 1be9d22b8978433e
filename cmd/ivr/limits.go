package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/ivr"
	"hotline/internal/journal"
)

// What one number may do unless NUMBER_LIMITS says otherwise: more than any caller needs who
// is not understood and dials again, less than a machine does.
const defaultNumberLimits = "live=2 minute=10 hour=60 orders=30"

// defaultQueues are those of deploy/asterisk/queues.conf.
const defaultQueues = "desk,english"

// readLimits reads how many calls are taken, and how many orders of one number a day.
func readLimits(or func(name, otherwise string) string) (l ivr.Limits, daily int, problems []string) {
	var err error
	if l.Live, err = strconv.Atoi(or("MAX_CALLS", "400")); err != nil || l.Live < 1 {
		problems = append(problems, "MAX_CALLS is not a number of calls, e.g. 400")
	}
	if l.Unnamed, err = strconv.Atoi(or("MAX_UNNAMED", "100")); err != nil || l.Unnamed < 1 {
		problems = append(problems, "MAX_UNNAMED is not a number of calls, e.g. 100")
	}
	if l.Rate, err = strconv.ParseFloat(or("CALL_RATE", "40"), 64); err != nil || !(l.Rate > 0 && l.Rate <= 1e6) {
		problems = append(problems, "CALL_RATE is not a number of new calls a second, e.g. 40")
	}
	text := or("NUMBER_LIMITS", defaultNumberLimits)
	if text == "off" {
		return l, 0, problems
	}
	limits := map[string]*int{"live": &l.NumberLive, "minute": &l.NumberMinute, "hour": &l.NumberHour, "orders": &daily}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(value)
		if limits[name] == nil || err != nil || n < 1 {
			problems = append(problems, fmt.Sprintf("NUMBER_LIMITS: %q is none of live=, minute=, hour= and orders= with a number; e.g. %q, or off", word, defaultNumberLimits))
			continue
		}
		if *limits[name] != 0 {
			problems = append(problems, fmt.Sprintf("NUMBER_LIMITS: %s= stands there twice", name))
		}
		*limits[name] = n
	}
	return l, daily, problems
}

// queues are those of the dialplan that menus may transfer to: what a menu names comes from
// its author, and would be dialled. All commands that read menus hold them to this list.
func queues() []string {
	list := os.Getenv("QUEUES")
	if list == "" {
		list = defaultQueues
	}
	all := strings.Split(list, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// begun tells the server of calls that it, before it was started, and others have taken.
func begun(pool *pgxpool.Pool) func(context.Context, time.Time) ([]ivr.Begun, error) {
	return func(ctx context.Context, after time.Time) ([]ivr.Begun, error) {
		calls, err := journal.Begun(ctx, pool, after)
		all := make([]ivr.Begun, len(calls))
		for i, c := range calls {
			all[i] = ivr.Begun{Call: c.Call, Number: string(c.Hash), At: c.At}
		}
		return all, err
	}
}
