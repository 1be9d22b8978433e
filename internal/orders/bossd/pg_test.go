package bossd_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/orders/bossd"
	"hotline/internal/orders/sandbox"
	"hotline/internal/pgtest"
)

// The subscribers and passwords that the help of "ivr sandbox" tells.
const (
	rich     = "13800000001"
	poor     = "13800000002"
	password = "135791"
	identity = "110101190001010014"
)

// peer is a BOSS server on a real socket, with a database and a ledger of its own.
type peer struct {
	t      *testing.T
	url    string
	ledger string
	pool   *pgxpool.Pool
	boss   *sandbox.Boss
	log    *lockedBuffer
	stop   func()
}

// lockedBuffer takes the log of a server.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p := &peer{t: t, ledger: filepath.Join(t.TempDir(), "boss.ledger"), pool: pool, log: &lockedBuffer{}}
	p.start("")
	t.Cleanup(func() { p.stop() })
	return p
}

// start starts the server, or starts it again after stop.
func (p *peer) start(token string) {
	p.t.Helper()
	boss, err := sandbox.Open(p.t.Context(), p.pool)
	if err != nil {
		p.t.Fatal(err)
	}
	srv, err := bossd.Open(p.t.Context(), bossd.Options{
		Boss: boss, Ledger: p.ledger, Token: token, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { srv.Run(ctx) })
	p.url, p.boss = web.URL, boss
	p.stop = func() {
		web.Close()
		cancel()
		work.Wait()
		for _, end := range []func(context.Context) error{srv.Close, boss.Close} {
			if err := end(context.Background()); err != nil {
				p.t.Error(err)
			}
		}
		p.stop = func() {}
	}
}

// answered is a reply that has come wholly.
type answered struct {
	status int
	header http.Header
	body   string
}

// try sends a request on a connection of its own, so that what a fault does to it meets no other.
func (p *peer) try(method, path string, header map[string]string, body string) (answered, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, string(text)}, err
}

func (p *peer) must(method, path string, header map[string]string, body string) answered {
	p.t.Helper()
	a, err := p.try(method, path, header, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (p *peer) fault(f bossd.Fault) {
	p.t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		p.t.Fatal(err)
	}
	if a := p.must("POST", "/faults", nil, string(text)); a.status != http.StatusCreated {
		p.t.Fatalf("%s: %d %s", text, a.status, a.body)
	}
}

// effects are the lines of GET /ledger by key, none of which may be there twice.
func (p *peer) effects() map[string]bossd.Effect {
	p.t.Helper()
	all := map[string]bossd.Effect{}
	in := json.NewDecoder(strings.NewReader(p.must("GET", "/ledger", nil, "").body))
	for {
		var e bossd.Effect
		if err := in.Decode(&e); err == io.EOF {
			return all
		} else if err != nil {
			p.t.Fatal(err)
		}
		if _, twice := all[e.Key]; twice {
			p.t.Errorf("%s is in the ledger twice", e.Key)
		}
		all[e.Key] = e
	}
}

// until polls, at most 20 s.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 20 s", what)
		case <-tick.C:
		}
	}
}

// face is one way to speak to the BOSS, for tests of all three.
type face struct {
	name   string
	submit func(p *peer, key, number, action, service, yuan string) (answered, error)
	find   func(p *peer, key string) (answered, error)
	// of what came: success, accepted, refused, not_found, failed or "?"
	read func(answered) string
}

func faces() []face { return []face{tmfFace(), xmlFace(), jsonFace()} }

const (
	ordering  = "/tmf-api/productOrderingManagement/v4/productOrder"
	extension = "/tmf-api/hotline/v1"
)

func tmfOrder(key, number, action, service, yuan string) string {
	return `{"externalId":"` + key + `","relatedParty":[{"id":"` + number + `","role":"customer","@referredType":"Individual"}],
		"productOrderItem":[{"id":"1","action":"` + map[string]string{"open": "add", "close": "delete"}[action] + `",
		"productOffering":{"id":"` + service + `"},"itemPrice":[{"priceType":"recurring","price":{"taxIncludedAmount":{"unit":"CNY","value":` + yuan + `}}}]}]}`
}

func tmfFace() face {
	words := map[string]string{"completed": "success", "acknowledged": "accepted", "inProgress": "accepted", "rejected": "refused", "failed": "failed"}
	return face{
		name: "tmf",
		submit: func(p *peer, key, number, action, service, yuan string) (answered, error) {
			return p.try("POST", ordering, nil, tmfOrder(key, number, action, service, yuan))
		},
		find: func(p *peer, key string) (answered, error) {
			return p.try("GET", ordering+"?externalId="+key, nil, "")
		},
		read: func(a answered) string {
			var one struct{ State string }
			var many []struct{ State string }
			switch {
			case a.status == http.StatusCreated && json.Unmarshal([]byte(a.body), &one) == nil:
				return words[one.State]
			case a.status == http.StatusOK && json.Unmarshal([]byte(a.body), &many) == nil:
				if len(many) == 0 {
					return "not_found"
				}
				return words[many[0].State]
			}
			return "?"
		},
	}
}

func xmlFace() face {
	return face{
		name: "xml",
		submit: func(p *peer, key, number, action, service, yuan string) (answered, error) {
			return p.try("POST", "/xml", nil, "<Request><Head><Trade>ORDER</Trade><Key>"+key+"</Key></Head><Body><Number>"+number+
				`</Number><Product operate="`+map[string]string{"open": "1", "close": "2"}[action]+`">`+service+
				"</Product><Price>"+yuan+"</Price><Threshold></Threshold><IdCard></IdCard></Body></Request>")
		},
		find: func(p *peer, key string) (answered, error) {
			return p.try("POST", "/xml", nil, "<Request><Head><Trade>ORDERINFO</Trade><Key>"+key+"</Key></Head></Request>")
		},
		read: func(a answered) string {
			var r struct {
				Code string `xml:"Head>Code"`
			}
			if a.status != http.StatusOK || xml.Unmarshal([]byte(a.body), &r) != nil {
				return "?"
			}
			if strings.HasPrefix(r.Code, "10") {
				return "refused"
			}
			return map[string]string{"0": "success", "1": "accepted", "4004": "not_found", "5000": "failed"}[r.Code]
		},
	}
}

func jsonFace() face {
	return face{
		name: "json",
		submit: func(p *peer, key, number, action, service, yuan string) (answered, error) {
			fen := strings.TrimLeft(strings.ReplaceAll(yuan, ".", ""), "0")
			if fen == "" {
				fen = "0"
			}
			return p.try("POST", "/json/orders", nil, `{"key":"`+key+`","msisdn":"`+number+`","product":"`+service+`","action":"`+action+
				`","fee":`+fen+`,"test":true,"threshold":null,"idCard":"","oldPassword":"","newPassword":""}`)
		},
		find: func(p *peer, key string) (answered, error) {
			return p.try("GET", "/json/orders/"+key, nil, "")
		},
		read: func(a answered) string {
			var r struct{ Code string }
			if json.Unmarshal([]byte(a.body), &r) != nil {
				return "?"
			}
			switch {
			case a.status == http.StatusOK && r.Code == "OK":
				return "success"
			case a.status == http.StatusOK && r.Code == "FAILED":
				return "failed"
			case a.status == http.StatusOK && r.Code != "":
				return "refused"
			}
			return cmp.Or(map[string]string{"202 ACCEPTED": "accepted", "404 NOT_FOUND": "not_found"}[strconv.Itoa(a.status)+" "+r.Code], "?")
		},
	}
}

func newKey() string { return uuid.NewString() }
