package tmf

import "context"

// AskOffer is what happens once a minute.
func (b *Boss) AskOffer(ctx context.Context) error { return b.askOffer(ctx) }
