package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/ivr"
	"hotline/internal/ivr/asterisk"
)

// connect runs a connection to every Asterisk, and looks on each for the callers
// that an earlier run has left behind.
func connect(ctx context.Context, work *sync.WaitGroup, set settings, srv *ivr.Server, log *slog.Logger, registry prometheus.Registerer) map[string]*asterisk.Conn {
	nodes := map[string]*asterisk.Conn{}
	for i, url := range set.ariURLs {
		name := fmt.Sprintf("asterisk-%d", i+1)
		conn := asterisk.New(asterisk.Options{
			URL: strings.TrimSpace(url), User: set.ariUser, Password: set.ariPassword, App: set.app,
			Node: name, Log: log, Registerer: registry,
		}, func(ch *asterisk.Channel, a asterisk.Arrival) { srv.Arrive(ctx, ch, a) })
		nodes[name] = conn
		work.Go(func() {
			if err := conn.Run(ctx); err != nil {
				log.Error("asterisk cannot be reached for good", "node", name, "err", err)
			}
		})
		work.Go(func() {
			if err := srv.Rescue(ctx, conn); err != nil && ctx.Err() == nil {
				log.Error("lost calls could not be looked for", "node", name, "err", err)
			}
		})
	}
	return nodes
}
