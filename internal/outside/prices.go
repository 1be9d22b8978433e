package outside

import (
	"context"
	"time"

	"hotline/internal/orders"
)

const (
	pricesEvery = time.Minute
	pricesWait  = 20 * time.Second // for the BOSS to tell them
)

// priceList is what the BOSS asks for services a month. It is kept when the BOSS does not
// tell any more: an old price is a better guard than none.
type priceList struct {
	asked   map[string]orders.Money
	read    time.Time               // when the BOSS has told last; zero for never
	alarmed map[string]orders.Money // asked, of the services whose difference has been told
}

// FollowPrices asks the BOSS for its prices at once, then every minute until ctx ends, and
// holds them against told: what callers are told, by service. A difference is an error in the
// log, once, and a metric for as long as it lasts.
func (b *Board) FollowPrices(ctx context.Context, ask func(context.Context) (map[string]orders.Money, error), told func() map[string]orders.Money) {
	tick := time.NewTicker(pricesEvery)
	defer tick.Stop()
	for {
		b.readPrices(ctx, ask, told())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Board) readPrices(ctx context.Context, ask func(context.Context) (map[string]orders.Money, error), told map[string]orders.Money) {
	ctx, cancel := context.WithTimeout(ctx, pricesWait)
	defer cancel()
	asked, err := ask(ctx)
	if err != nil {
		if ctx.Err() != context.Canceled {
			b.opt.Log.Warn("the BOSS does not tell its prices, those from before hold", "err", err)
		}
	} else {
		b.mu.Lock()
		b.prices.asked, b.prices.read = asked, time.Now()
		b.mu.Unlock()
	}
	b.compare(told)
}

// compare alarms where a price differs. The menus may have changed since, too.
func (b *Board) compare(told map[string]orders.Money) {
	b.mu.Lock()
	defer b.mu.Unlock()
	differing := map[string]orders.Money{}
	b.mismatch.Reset()
	for service, price := range told {
		asked, known := b.prices.asked[service]
		if !known {
			continue
		}
		if asked == price {
			b.mismatch.WithLabelValues(service).Set(0)
			continue
		}
		differing[service] = asked
		b.mismatch.WithLabelValues(service).Set(1)
		if before, told := b.prices.alarmed[service]; !told || before != asked {
			b.opt.Log.Error("the BOSS asks another price than callers are told; it cannot be ordered until they agree",
				"service", service, "told", price.String(), "asked", asked.String())
		}
	}
	for service := range b.prices.alarmed {
		if _, still := differing[service]; !still {
			b.opt.Log.Info("the price of a service is agreed on again", "service", service)
		}
	}
	b.prices.alarmed = differing
}

// Price is what the BOSS asks for a service a month, if it has told.
func (b *Board) Price(service string) (asked orders.Money, known bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	asked, known = b.prices.asked[service]
	return asked, known
}

// priceAge is since when the prices are known; -1 where they never were.
func (b *Board) priceAge() float64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.prices.read.IsZero() {
		return -1
	}
	return time.Since(b.prices.read).Seconds()
}
