package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/internal/journal"
	"hotline/internal/orders/desk"
	"hotline/internal/orders/notify"
)

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
	d, err := desk.New(pool, boss, desk.Options{Seal: sealer.Seal, Unseal: sealer.Open, Log: log, Metrics: reg})
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
