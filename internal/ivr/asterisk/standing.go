package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hotline/internal/orders"
)

// Where tells of a channel that is up what its Arrival told: what the dialplan had
// given to Stasis(). inside is false where it is somewhere else in the dialplan, with a
// person, or gone. It waits for no playback.
func (c *Conn) Where(ctx context.Context, channel string) (a Arrival, inside bool, err error) {
	var is struct {
		Name   string `json:"name"`
		Caller struct {
			Number string `json:"number"`
		} `json:"caller"`
		Dialplan struct {
			App  string `json:"app_name"`
			Data string `json:"app_data"`
		} `json:"dialplan"`
		Created string `json:"creationtime"`
	}
	status, err := c.rest.do(ctx, http.MethodGet, "channels/"+url.PathEscape(channel), "", &is)
	if status == http.StatusNotFound {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("ask where channel %s is: %w", channel, err)
	}
	a = Arrival{Channel: channel, Name: is.Name, At: time.Now()}
	if at, err := time.Parse("2006-01-02T15:04:05.000-0700", is.Created); err == nil {
		a.At = at
	}
	if caller, err := orders.ParseMSISDN(is.Caller.Number); err == nil {
		a.Caller = caller
	}
	// The first is the application that the channel came to first, if it has been moved since.
	a.Args = strings.Split(is.Dialplan.Data, ",")[1:]
	return a, is.Dialplan.App == "Stasis", nil
}

// beatEvery is how often a connected application says that it lives.
const beatEvery = time.Second

// beatOf is the dialplan's global variable in which an application says so: Asterisk
// itself tells nobody whether an application has a client. In Asterisk, and not beside it,
// because only a server that Asterisk hears can speak with callers.
func beatOf(app string) string {
	return "HOTLINE_BEAT_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, app)
}

// beat says it until ctx ends. One that fails is made up for by the next.
func (c *Conn) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		q := url.Values{"variable": {beatOf(c.app)}, "value": {strconv.FormatInt(time.Now().UnixNano(), 10)}}
		within, cancel := context.WithTimeout(ctx, beatEvery)
		_, _ = c.rest.do(within, http.MethodPost, "asterisk/variable?"+q.Encode(), "", nil)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Beat gives the last sign of life of an application, of no meaning but that the next is
// another one; "" where it has never given one.
func (c *Conn) Beat(ctx context.Context, app string) (string, error) {
	if c.badURL != nil {
		return "", c.badURL
	}
	return c.rest.variable(ctx, beatOf(app))
}

// Left lists the channels of another application; none where there is no such.
func (c *Conn) Left(ctx context.Context, app string) ([]string, error) {
	if c.badURL != nil {
		return nil, c.badURL
	}
	ids, err := c.rest.channels(ctx, app)
	var status statusError
	if errors.As(err, &status) && int(status) == http.StatusNotFound {
		return nil, nil
	}
	return ids, err
}

// Hush ends playbacks, by names that a channel of another application may know: a channel
// moves between playbacks. To end what is over, or was never begun, is no error.
func (c *Conn) Hush(ctx context.Context, playbacks []string) error {
	for _, id := range playbacks {
		if status, err := c.rest.do(ctx, http.MethodDelete, "playbacks/"+url.PathEscape(id), "", nil); err != nil && status != http.StatusNotFound {
			return fmt.Errorf("end playback %s: %w", id, err)
		}
	}
	return nil
}

// Fetch moves a channel of another application into ours, where it arrives with args.
// One that hangs up meanwhile is no error.
func (c *Conn) Fetch(ctx context.Context, channel string, args []string) error {
	// In the body: the caller's number is among them, and an error names the address.
	body, _ := json.Marshal(map[string]string{"app": c.app, "appArgs": strings.Join(args, ",")}) // strings only
	status, err := c.rest.do(ctx, http.MethodPost, "channels/"+url.PathEscape(channel)+"/move", string(body), nil)
	if err != nil && status != http.StatusNotFound {
		return fmt.Errorf("move channel %s here: %w", channel, err)
	}
	return nil
}
