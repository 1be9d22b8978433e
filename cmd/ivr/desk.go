package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/journal"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/notify"
)

// readDeskOptions reads how long a BOSS takes, what it is spared, and for how long an order that
// is done answers the same wish.
func readDeskOptions(or func(name, otherwise string) string) (opt desk.Options, problems []string) {
	var err error
	if opt.Join, err = time.ParseDuration(or("ORDER_JOIN", "1m")); err != nil || opt.Join < 0 {
		problems = append(problems, "ORDER_JOIN is not a time, e.g. 1m; 0s joins only orders that are running")
	}
	if opt.Join == 0 {
		opt.Join = -1 // the zero value is the Desk's own default
	}
	if opt.Deadline, err = time.ParseDuration(or("ORDER_DEADLINE", "40s")); err != nil || opt.Deadline < time.Second {
		problems = append(problems, "ORDER_DEADLINE is not a time of a second or more, e.g. 40s")
	}
	if opt.Settle, err = time.ParseDuration(or("ORDER_SETTLE", "2m")); err != nil || opt.Settle < time.Second {
		problems = append(problems, "ORDER_SETTLE is not a time of a second or more, e.g. 2m; it must be longer than the BOSS works on a request")
	}
	if opt.Calls.Concurrent, err = strconv.Atoi(or("BOSS_CONCURRENT", "32")); err != nil || opt.Calls.Concurrent < 1 {
		problems = append(problems, "BOSS_CONCURRENT is not a number of requests at once, e.g. 32")
	}
	if opt.Calls.Rate, err = strconv.ParseFloat(or("BOSS_RATE", "500"), 64); err != nil || !(opt.Calls.Rate > 0 && opt.Calls.Rate <= 1e6) {
		problems = append(problems, "BOSS_RATE is not a number of requests a second, e.g. 500")
	}
	return opt, problems
}

// openDesk opens the BOSS of the settings and the Desk before it, and starts what finds out
// results and tells them, until life ends. close, which it gives, ends what is under way.
func openDesk(ctx, life context.Context, work *sync.WaitGroup, set settings, pool *pgxpool.Pool, sealer *journal.Sealer,
	log *slog.Logger, reg prometheus.Registerer) (_ *desk.Desk, close func() error, _ error) {
	notifier, err := openNotifier(set, pool, sealer, log, reg)
	if err != nil {
		return nil, nil, err
	}
	boss, closeBoss, err := openBoss(ctx, set, pool, log)
	if err != nil {
		return nil, nil, err
	}
	opt := set.desk
	opt.Seal, opt.Unseal, opt.Log, opt.Metrics = sealer.Seal, sealer.Open, log, reg
	d, err := desk.New(pool, boss, opt)
	if err != nil {
		return nil, nil, errors.Join(err, within(closeLimit, closeBoss))
	}
	work.Go(func() { d.Run(life) })
	work.Go(func() { notifier.Run(life) })
	return d, func() error { return errors.Join(within(closeLimit, d.Close), within(closeLimit, closeBoss)) }, nil
}

// openNotifier makes what tells callers the results that they have not heard: by the webhook
// of the settings; without one the table ivr.notifications is for others to read.
func openNotifier(set settings, pool *pgxpool.Pool, sealer *journal.Sealer, log *slog.Logger, reg prometheus.Registerer) (*notify.Notifier, error) {
	opt := notify.Options{Pool: pool, Unseal: sealer.Open, Log: log, Registerer: reg}
	if set.notifyURL != "" {
		secret, err := os.ReadFile(set.notifyKey)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the secret for notifications (NOTIFY_SECRET_FILE): %w", err)}
		}
		hook, err := notify.NewWebhook(set.notifyURL, bytes.TrimSpace(secret))
		if err != nil {
			return nil, usageError{fmt.Errorf("NOTIFY_URL, NOTIFY_SECRET_FILE: %w", err)}
		}
		opt.Deliver = hook.Deliver
	}
	return notify.New(opt), nil
}
