package releases

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"hotline/internal/source"
)

// Status is what a server's operators want to know of its menus.
type Status struct {
	Live    Publication `json:"live"`              // Seq 0: served, but not in Postgres yet
	Since   time.Time   `json:"since"`             // this server serves it
	Folder  string      `json:"folder,omitempty"`  // the version that the folder holds; "" where it cannot be read
	Next    string      `json:"next,omitempty"`    // the published version that is being made ready; "" for none
	Refused []Refusal   `json:"refused,omitempty"` // none: all is well
}

// Refusal is a change that did not become live; what was live stayed.
type Refusal struct {
	What     string          `json:"what"`
	At       time.Time       `json:"at"`
	Why      string          `json:"why"`
	Problems source.Problems `json:"problems,omitempty"` // where Why is about files
}

// standing is how a Keeper stands, for those who ask: its Status, and its metrics. It
// may be asked and told by several at once.
type standing struct {
	log     *slog.Logger
	ok      prometheus.Gauge
	changes *prometheus.CounterVec
	stored  prometheus.Gauge
	copied  *prometheus.CounterVec
	bytes   *prometheus.CounterVec
	damaged *prometheus.CounterVec

	mu     sync.Mutex
	status Status
	folder *Refusal // of the folder
	remote *Refusal // of the version that was published elsewhere
}

func newStanding(log *slog.Logger, registerer prometheus.Registerer) *standing {
	f := promauto.With(registerer)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &standing{
		log:     log,
		ok:      f.NewGauge(prometheus.GaugeOpts{Name: "ivr_menus_ok", Help: "1: the menus that were saved or published last are live. 0: they were refused, and older ones are."}),
		changes: counter("ivr_menus_changes_total", "Menus that became live, or were refused.", "result"),
		stored:  f.NewGauge(prometheus.GaugeOpts{Name: "ivr_audio_stored", Help: "1: Postgres has every sound of what is live here. 0: not yet; other servers cannot play it."}),
		copied:  counter("ivr_audio_copied_total", "Sounds that went to Postgres, or came from there to the audio folder.", "to"),
		bytes:   counter("ivr_audio_copied_bytes_total", "Bytes of those sounds.", "to"),
		damaged: counter("ivr_audio_damaged_total", "Sounds whose bytes were not what their name says, found before they were heard.", "where"),
	}
}

// now is the Status.
func (s *standing) now() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.status
	for _, r := range []*Refusal{s.folder, s.remote} {
		if r != nil {
			now.Refused = append(now.Refused, *r)
		}
	}
	return now
}

// holds notes which version the folder has; "" for none.
func (s *standing) holds(release string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Folder = release
}

// next notes what is being made ready; "" for nothing.
func (s *standing) next(release string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Next = release
}

// live notes what calls are served with from now on.
func (s *standing) live(p Publication) {
	s.mu.Lock()
	same := s.status.Live.Release == p.Release
	p.Live = true
	s.status.Live = p
	if !same {
		s.status.Since = time.Now()
	}
	s.mu.Unlock()
	if !same {
		s.changes.WithLabelValues("live").Inc()
		s.log.Info("menus are live", "release", p.Release, "author", p.Author, "note", p.Note)
	}
}

// refuse notes why something did not become live.
func (s *standing) refuse(where **Refusal, what string, err error) {
	r := &Refusal{What: what, At: time.Now(), Why: err.Error()}
	_ = errors.As(err, &r.Problems) // where it is about files
	s.mu.Lock()
	again := *where != nil && (*where).Why == r.Why
	*where = r
	s.mu.Unlock()
	s.ok.Set(0)
	if !again {
		s.changes.WithLabelValues("refused").Inc()
		s.log.Error("menus are refused, what was live stays", "what", what, "err", err)
	}
}

// accept takes back a refusal.
func (s *standing) accept(where **Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*where = nil
	if s.folder == nil && s.remote == nil {
		s.ok.Set(1)
	}
}

// staged notes whether Postgres has what is live here.
func (s *standing) staged(yes bool) {
	s.stored.Set(0)
	if yes {
		s.stored.Set(1)
	}
}

// sent and fetched count sounds on their way.
func (s *standing) sent(d Staged) {
	s.copied.WithLabelValues("postgres").Add(float64(d.Sounds))
	s.bytes.WithLabelValues("postgres").Add(float64(d.Bytes))
}

func (s *standing) fetched(c Completed, err error) {
	s.copied.WithLabelValues("disk").Add(float64(c.Sounds))
	s.bytes.WithLabelValues("disk").Add(float64(c.Bytes))
	s.damaged.WithLabelValues("disk").Add(float64(c.Damaged))
	if errors.Is(err, ErrDamaged) {
		s.damaged.WithLabelValues("postgres").Inc()
	}
}
