package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"
)

// requestTimeout bounds one HTTP request. None that we make waits for audio.
const requestTimeout = 5 * time.Second

// statusError is an answer of Asterisk that is no success.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("answered %d %s", int(e), http.StatusText(int(e)))
}

// rest is the HTTP road: for what is asked once per connection, and the
// fallback for everything else.
type rest struct {
	root           string // e.g. http://127.0.0.1:8088/ari
	user, password string
	client         *http.Client
}

// newRest takes the URL with or without its /ari.
func newRest(o Options) (*rest, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("ARI address %q is not like http://127.0.0.1:8088/ari", o.URL)
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path == "" {
		path = "/ari"
	}
	return &rest{
		root: u.Scheme + "://" + u.Host + path, user: o.User, password: o.Password,
		client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: requestTimeout}).DialContext,
			MaxIdleConnsPerHost: 64,
			// Below Asterisk's session_keep_alive of 15 s: it must not be Asterisk who
			// closes a connection that we are about to use.
			IdleConnTimeout: 10 * time.Second,
		}},
	}, nil
}

// do sends one request and gives the status; into, if not nil, takes the JSON of a 2xx answer.
func (r *rest) do(ctx context.Context, method, uri, body string, into any) (int, error) {
	var text io.Reader
	if body != "" {
		text = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.root+"/"+uri, text)
	if err != nil {
		return 0, err
	}
	req.SetBasicAuth(r.user, r.password)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	// Read to the end, so that the connection is used again.
	text = io.LimitReader(resp.Body, 8<<20)
	if resp.StatusCode/100 != 2 {
		_, _ = io.Copy(io.Discard, text)
		return resp.StatusCode, statusError(resp.StatusCode)
	}
	if into == nil {
		_, err = io.Copy(io.Discard, text)
		return resp.StatusCode, err
	}
	return resp.StatusCode, json.NewDecoder(text).Decode(into)
}

// setFilter lets Asterisk send only the events that we use. Asterisk forgets
// the filter with the application, so it is set on every connect.
func (r *rest) setFilter(ctx context.Context, app string) error {
	type eventType struct {
		Type string `json:"type"`
	}
	var filter struct {
		Allowed []eventType `json:"allowed"`
	}
	for _, k := range wanted {
		filter.Allowed = append(filter.Allowed, eventType{kindNames[k]})
	}
	body, _ := json.Marshal(filter) // strings only
	if _, err := r.do(ctx, http.MethodPut, "applications/"+url.PathEscape(app)+"/eventFilter", string(body), nil); err != nil {
		return fmt.Errorf("setting the event filter of application %q: %w", app, err)
	}
	return nil
}

// channels lists the channels of the application: those in it, and those that
// left it by our Continue and are still up.
func (r *rest) channels(ctx context.Context, app string) ([]string, error) {
	var data ari.ApplicationData
	if _, err := r.do(ctx, http.MethodGet, "applications/"+url.PathEscape(app), "", &data); err != nil {
		return nil, fmt.Errorf("listing the channels of application %q: %w", app, err)
	}
	return data.ChannelIDs, nil
}

// variable reads one of the dialplan's global variables, "" where there is none.
func (r *rest) variable(ctx context.Context, name string) (string, error) {
	var data struct {
		Value string `json:"value"`
	}
	if _, err := r.do(ctx, http.MethodGet, "asterisk/variable?variable="+url.QueryEscape(name), "", &data); err != nil {
		return "", fmt.Errorf("asking for the variable %s: %w", name, err)
	}
	return data.Value, nil
}

// process tells one start of an Asterisk from all others, to be compared only; "" where it does not
// say. An Asterisk has no number of its own for that, but the time of its start, in milliseconds,
// and the identity of its host.
func (r *rest) process(ctx context.Context) (string, error) {
	var is struct {
		System struct {
			EntityID string `json:"entity_id"`
		} `json:"system"`
		Status struct {
			Startup string `json:"startup_time"`
		} `json:"status"`
	}
	_, err := r.do(ctx, http.MethodGet, "asterisk/info?only=system,status", "", &is)
	var status statusError
	switch {
	case errors.As(err, &status), err == nil && is.Status.Startup == "":
		return "", nil
	case err != nil:
		return "", fmt.Errorf("asking since when it runs: %w", err)
	}
	return is.System.EntityID + " " + is.Status.Startup, nil
}

// explain says in one line what is wrong, where, and what to do about it.
func (r *rest) explain(err error) string {
	var status statusError
	if errors.As(err, &status) {
		switch int(status) {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Sprintf("%s refuses user %q (%d): compare user and password with its ari.conf", r.root, r.user, int(status))
		case http.StatusNotFound:
			return fmt.Sprintf("%s is not ARI (404): check the address, 'enabled = yes' in ari.conf, and that res_ari_events is loaded", r.root)
		case http.StatusServiceUnavailable:
			return fmt.Sprintf("%s has no room for a connection (503): raise sessionlimit in its http.conf", r.root)
		}
		return fmt.Sprintf("%s %v: look into Asterisk's log", r.root, status)
	}
	var lacks *soundsError
	if errors.As(err, &lacks) {
		return "it gets no calls: " + lacks.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Sprintf("%s cannot be reached (%v): is Asterisk running, and does http.conf bind to this address?", r.root, op.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("%s gives no answer: is Asterisk overloaded, or a firewall in between?", r.root)
	}
	if op != nil { // without its addresses: their ports make every try look new
		return fmt.Sprintf("%s: the connection broke (%s: %v)", r.root, op.Op, op.Err)
	}
	return fmt.Sprintf("%s: %v", r.root, err)
}
