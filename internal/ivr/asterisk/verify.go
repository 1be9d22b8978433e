package asterisk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Sound is a file that calls are played, as it has to be on every Asterisk.
type Sound struct {
	Name   string // below the folder of all sounds: "zh/main.welcome-1b2c3d4e5f60.alaw"
	SHA256 string // of the file, hexadecimal
}

const (
	// readers read back at once. Two cores read 550 files in 0.5 s, more readers no faster:
	// Asterisk looks through the whole folder for each. They would take from calls, where two
	// add 0.1 ms to the time from a key to the next prompt.
	readers = 2
	// maxNamed is how many files the error of Verify names.
	maxNamed = 3
	// tooMuch: no prompt is that long.
	tooMuch = 64 << 20
)

// checked is what one process of Asterisk is known to play right. What was read back over the
// connection that there is counts for itself; what was read back over those before is enough to
// give callers back to it, and is read again beside them.
type checked struct {
	process string // "": it did not tell, and nothing is kept from one connection to the next

	mu     sync.Mutex
	sounds map[Sound]bool
	before map[Sound]bool
	noted  *Sound // the first of the list that was written down last; lists are not changed
}

func newChecked(process string) *checked {
	return &checked{process: process, sounds: map[Sound]bool{}, before: map[Sound]bool{}}
}

func (k *checked) add(s Sound) {
	k.mu.Lock()
	k.sounds[s] = true
	k.mu.Unlock()
}

// trust takes sounds for right that an earlier server has read back.
func (k *checked) trust(sounds []Sound) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range sounds {
		k.before[s] = true
	}
}

// note tells whether a list is another one than the last.
func (k *checked) note(first *Sound) (changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, k.noted = k.noted != first, first
	return changed
}

// spoilt takes back what was right before.
func (k *checked) spoilt(wrong []wrongSound) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range wrong {
		delete(k.before, w.Sound)
	}
}

// without gives those of the sounds that are not known from this connection.
func (k *checked) without(sounds []Sound) []Sound {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(sounds), func(s Sound) bool { return k.sounds[s] })
}

// unknown gives those of the sounds that no connection knows.
func (k *checked) unknown(sounds []Sound) []Sound {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(sounds), func(s Sound) bool { return k.sounds[s] || k.before[s] })
}

// cut is called where a connection has ended.
func (k *checked) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.process != "" {
		maps.Copy(k.before, k.sounds)
	}
	clear(k.sounds)
}

// soundsError says that an Asterisk would not play what it should. It is told apart from
// an Asterisk that cannot be asked: only this one is a reason to end a connection.
type soundsError struct {
	where string // the folder there
	of    int
	wrong []wrongSound
}

type wrongSound struct {
	Sound
	why string
}

func (e *soundsError) Error() string {
	var named []string
	for i, w := range e.wrong {
		if i == maxNamed {
			named = append(named, fmt.Sprintf("and %d more", len(e.wrong)-i))
			break
		}
		named = append(named, w.Name+" "+w.why)
	}
	hint := "copy them there with 'ivr prompts follow'"
	if len(e.wrong) == e.of {
		hint = "is that folder, or a bind mount of it, there? " + hint
	}
	return fmt.Sprintf("%d of %d sounds are not as they have to be in %s: %s (%s)", len(e.wrong), e.of, e.where, strings.Join(named, ", "), hint)
}

// Verify reads back from Asterisk what it would play, and compares the hashes: its
// error names what is missing or differs. What it has found right is not asked for again while the
// connection lives. 550 files take 0.4 s of Asterisk's CPU, beside the calls.
func (c *Conn) Verify(ctx context.Context, sounds []Sound) error {
	if c.badURL != nil {
		return c.badURL
	}
	known := c.known()
	return c.verify(ctx, known, known.without(sounds), len(sounds))
}

// verify reads back rest, of so many sounds.
func (c *Conn) verify(ctx context.Context, known *checked, rest []Sound, of int) error {
	if len(rest) == 0 {
		return nil
	}
	wrong, err := c.rest.readBack(ctx, c.folder, rest, known.add)
	if err == nil && len(wrong) > 0 {
		// Once more: Asterisk gives up looking through a folder, and finds nothing there, when a link
		// in it changes meanwhile, as a build's do.
		again := make([]Sound, len(wrong))
		for i, w := range wrong {
			again[i] = w.Sound
		}
		wrong, err = c.rest.readBack(ctx, c.folder, again, known.add)
	}
	if err != nil {
		return fmt.Errorf("read the sounds back from Asterisk: %w", err)
	}
	if len(wrong) > 0 {
		known.spoilt(wrong)
		return &soundsError{where: c.place(), of: of, wrong: wrong}
	}
	return nil
}

func (c *Conn) known() *checked {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.checked
}

// readBack asks for each of the sounds, and gives those that are wrong, in their order.
func (r *rest) readBack(ctx context.Context, folder string, sounds []Sound, right func(Sound)) ([]wrongSound, error) {
	why := make([]string, len(sounds))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(readers)
	for i, s := range sounds {
		work.Go(func() (err error) {
			if why[i], err = r.compare(ctx, folder, s); err == nil && why[i] == "" {
				right(s)
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	var wrong []wrongSound
	for i, s := range sounds {
		if why[i] != "" {
			wrong = append(wrong, wrongSound{s, why[i]})
		}
	}
	return wrong, nil
}

// compare tells what is wrong with one sound; "" for nothing. An error is about
// Asterisk, not about the sound.
//
// A recording's name is its path below the recording directory, as one word and without
// extension: https://docs.asterisk.org/Latest_API/API_Documentation/Asterisk_REST_Interface/Recordings_REST_API/
func (r *rest) compare(ctx context.Context, folder string, s Sound) (why string, err error) {
	name := path.Join(folder, strings.TrimSuffix(s.Name, path.Ext(s.Name)))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.root+"/recordings/stored/"+url.PathEscape(name)+"/file", nil)
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(r.user, r.password)
	resp, err := r.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, tooMuch)
	switch resp.StatusCode {
	case http.StatusOK:
		sum := sha256.New()
		if _, err := io.Copy(sum, body); err != nil {
			return "", err
		}
		if is := hex.EncodeToString(sum.Sum(nil)); is != s.SHA256 {
			return fmt.Sprintf("has other content (SHA-256 %.12s…, not %.12s…)", is, s.SHA256), nil
		}
		return "", nil
	case http.StatusNotFound:
		var said struct {
			Message string `json:"message"`
		}
		if json.NewDecoder(body).Decode(&said) != nil || said.Message != "Recording not found" {
			return "", errNoRecordings
		}
		return "is missing", nil
	case http.StatusForbidden:
		return "cannot be read by Asterisk's user, or is no file", nil
	}
	_, _ = io.Copy(io.Discard, body)
	return "", statusError(resp.StatusCode)
}

// An Asterisk that cannot be asked is not one that has the sounds.
var (
	errNoRecordings = errors.New("it serves no recordings: load res_ari_recordings.so in its modules.conf")
	errNoSpool      = errors.New("it does not say where its recordings are: set astspooldir in its asterisk.conf")
	errRestarted    = errors.New("it was restarted while its sounds were read back")
)

// letIn verifies what calls may be played now, before Asterisk is offered to take them:
// one that would play silence in place of a prompt must not have them. The process that was
// found right before is not kept from its callers meanwhile, who wait in silence for no longer
// than a session does: it is let in as it is, and stillIn reads it back beside them. So is one that
// a server which died has found right, where callers wait.
func (c *Conn) letIn(ctx context.Context) error {
	if c.sounds == nil {
		return nil
	}
	// The recording directory is not a setting of Asterisk's: always this one below the spool's.
	spool, err := c.rest.variable(ctx, "ASTSPOOLDIR")
	if err == nil && spool == "" {
		err = errNoSpool
	}
	if err != nil {
		return err
	}
	process, err := c.rest.process(ctx)
	if err != nil {
		return err
	}
	place := path.Join(spool, "recording", c.folder)
	c.played.Store(&place)
	known := c.recall(process)
	began, sounds := time.Now(), c.sounds()
	unknown := known.unknown(sounds)
	if len(unknown) == len(sounds) && c.remembered(ctx, process, sounds) {
		known.trust(sounds)
		unknown = nil
	}
	if err := c.verify(ctx, known, unknown, len(sounds)); err != nil {
		var lacks *soundsError
		if errors.As(err, &lacks) {
			c.forgetMemory(known)
		} else {
			c.forgetSounds()
		}
		return err
	}
	c.metrics.verified.Set(1)
	c.log.Info("asterisk has the sounds that calls are played", "sounds", len(sounds), "read_back", len(unknown),
		"folder", place, "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// recall gives what is known of a process: nothing, where it is another one than before.
func (c *Conn) recall(process string) *checked {
	c.mu.Lock()
	defer c.mu.Unlock()
	if process == "" || process != c.checked.process {
		c.checked = newChecked(process)
	}
	return c.checked
}

// same refuses a connection to another process than the one that was let in.
func (c *Conn) same(ctx context.Context) error {
	if c.sounds == nil {
		return nil
	}
	process, err := c.rest.process(ctx)
	if err == nil && process != c.known().process {
		err = errRestarted
	}
	return err
}

// stillIn notices when calls may be played what this Asterisk was not asked for over this connection: a
// version that went live while it was on its way back, or all of it where it was let in as the
// process that it had been. Its error is that of Verify.
func (c *Conn) stillIn(ctx context.Context, l *link) error {
	if c.sounds == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { // callers must not wait until a dead Asterisk has not answered
		select {
		case <-l.done:
			cancel()
		case <-ctx.Done():
		}
	})
	known, sounds := c.known(), c.sounds()
	err := c.verify(ctx, known, known.without(sounds), len(sounds))
	if err == nil {
		c.remember(known, sounds)
	}
	var lacks *soundsError
	if !errors.As(err, &lacks) {
		return nil // nothing is known: whether the connection lives shows elsewhere
	}
	c.forgetMemory(known)
	return err
}

// forgetSounds is called where a connection has ended, or could not be made: the Asterisk that
// answers next is perhaps another one.
func (c *Conn) forgetSounds() {
	c.known().cut()
	c.metrics.verified.Set(0)
}

// place is the folder of all sounds as Asterisk names it; for people while nobody has asked it.
func (c *Conn) place() string {
	if p := c.played.Load(); p != nil {
		return *p
	}
	return path.Join("its recording directory", c.folder)
}

// located lets media be played from the folder that was verified, wherever that is on
// this Asterisk: what calls name is the server's own. Were they two places, one could be verified
// and the other one heard. The media scheme recording: is not used for it, because of a
// missing one Asterisk tells no end, and it looks through the folder at every play.
func (c *Conn) located(media []string) []string {
	at := c.played.Load()
	if at == nil {
		return media
	}
	for i, m := range media {
		if file, ok := strings.CutPrefix(m, "sound:"+c.audio+"/"); ok {
			media[i] = "sound:" + *at + "/" + file
		}
	}
	return media
}

// letGo carries out over HTTP what calls under way have decided while Asterisk is not let in:
// nobody would hear of their keys any more, and their sessions end them.
func (c *Conn) letGo(ctx context.Context) {
	for _, ch := range c.all() {
		r := ch.lastWish()
		if r == nil {
			continue
		}
		if status, err := c.rest.do(ctx, r.method, r.uri, r.body, nil); err == nil || status == http.StatusNotFound {
			ch.vanished(time.Now())
		}
	}
}
