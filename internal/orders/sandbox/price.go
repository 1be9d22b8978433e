package sandbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"hotline/internal/orders"
)

// Prices are what the catalogue asks for each service a month.
func (b *Boss) Prices(ctx context.Context) (map[string]orders.Money, error) {
	prices := map[string]orders.Money{}
	_, err := b.send(ctx, request{op: OpQuery, act: func(ctx context.Context) (orders.Answer, error) {
		rows, _ := b.pool.Query(ctx, "select service, price_fen from sandbox.catalogue")
		var service string
		var fen int64
		_, err := pgx.ForEachRow(rows, []any{&service, &fen}, func() error {
			prices[service] = orders.Money(fen)
			return nil
		})
		if err != nil {
			return orders.Answer{}, fmt.Errorf("read the prices of the sandbox: %w", err)
		}
		return orders.Answer{}, nil
	}})
	if err != nil {
		return nil, err
	}
	return prices, nil
}
