package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Headers of a delivery. Signature is "t=SECONDS,v1=HEX": the time of sending (Unix), and the
// HMAC-SHA-256 under the shared secret of that number, a full stop, and the body. A receiver checks it
// and refuses what is too old, so that nobody can repeat a delivery later.
const (
	HeaderID        = "Hotline-Id"
	HeaderSignature = "Hotline-Signature"
)

// leastSecret is what a secret must have to keep anybody from guessing it.
const leastSecret = 16

// Webhook delivers notices as JSON by POST to one URL. Any 2xx answer is a receipt;
// everything else, and silence, is not.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

// NewWebhook makes a Webhook for an http or https URL, whose deliveries are signed with
// secret (16 bytes or more).
func NewWebhook(to string, secret []byte) (*Webhook, error) {
	u, err := url.Parse(to)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		// The text may hold a password, as the error of Parse does.
		return nil, errors.New("the address of the receiver of notifications is no URL such as https://sms.example/notify")
	}
	if len(secret) < leastSecret {
		return nil, fmt.Errorf("the secret for notifications has %d bytes, it needs %d", len(secret), leastSecret)
	}
	return &Webhook{url: to, secret: secret, now: time.Now, client: &http.Client{
		// A receiver that has moved is set anew: a redirect could take numbers anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// body is a notice as the receiver gets it. This is where the number leaves us.
type body struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Text     string    `json:"text"`
	Language string    `json:"language,omitempty"`
	To       string    `json:"to"`
	Order    string    `json:"order"`
	Service  string    `json:"service"`
	Action   string    `json:"action"`
	PriceFen int64     `json:"price_fen"`
	Outcome  string    `json:"outcome"`
	Detail   string    `json:"detail,omitempty"`
	Resolved time.Time `json:"resolved_at"`
	Test     bool      `json:"test,omitempty"`
}

// Deliver sends a notice. No error quotes what was sent or what came back.
func (w *Webhook) Deliver(ctx context.Context, n Notice) error {
	text, err := json.Marshal(body{
		ID: n.ID, Kind: n.Kind, Text: n.Text, Language: n.Language, To: n.Caller.Reveal(),
		Order: n.Order, Service: n.Service, Action: string(n.Action), PriceFen: int64(n.Price),
		Outcome: string(n.Result.Outcome), Detail: string(n.Result.Detail), Resolved: n.Resolved.UTC(), Test: n.Test,
	})
	if err != nil {
		return fmt.Errorf("write notification %s: %w", n.ID, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("deliver notification %s: the address cannot be used", n.ID)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HeaderID, n.ID)
	req.Header.Set(HeaderSignature, Sign(w.secret, w.now(), text))
	res, err := w.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL, which may hold a token
		}
		return fmt.Errorf("deliver notification %s: %w", n.ID, err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("deliver notification %s: the receiver answers %d", n.ID, res.StatusCode)
	}
	return nil
}

// Sign gives the signature of a body that is sent at a time.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
