package asterisktest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// formats are the extensions that our Asterisk knows as sound: those of the modules that
// deploy/asterisk loads.
var formats = []string{"alaw", "al", "alw", "ulaw", "ul", "mu", "ulw", "pcm", "au", "g722", "sln", "raw", "sln12", "sln16", "sln24", "sln32", "sln44", "sln48", "sln96", "sln192", "wav", "wav16"}

// Recordings is the folder that recordings are served from.
func (s *Server) Recordings() string { return filepath.Join(s.spool, "recording") }

// variable knows the one global variable that we ask for.
func (s *Server) variable(r *http.Request) (int, any) {
	value := ""
	if r.URL.Query().Get("variable") == "ASTSPOOLDIR" {
		value = s.spool
	}
	return 200, map[string]string{"value": value}
}

// HoldReads lets nobody read a recording until release is called.
func (s *Server) HoldReads() (release func()) {
	s.reads.Lock()
	return s.reads.Unlock
}

// stored serves a recording as res/stasis_recording/stored.c of Asterisk does.
func (s *Server) stored(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status, refused := s.log(r)
	s.mu.Unlock()
	if refused {
		w.WriteHeader(status)
		return
	}
	s.reads.RLock()
	defer s.reads.RUnlock()
	file, err := s.find(r.PathValue("name"))
	var data []byte
	if err == nil {
		data, err = os.ReadFile(file)
	}
	say := func(status int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		say(http.StatusForbidden, "Recording could not be opened")
	case err != nil:
		say(http.StatusNotFound, "Recording not found")
	default:
		w.Header().Set("Content-Type", "audio/"+strings.TrimPrefix(filepath.Ext(file), "."))
		_, _ = w.Write(data)
	}
}

// find looks through the folder for a file of that name with any extension of a sound.
// A link on the way that leads nowhere ends the search: Asterisk's does.
func (s *Server) find(name string) (file string, err error) {
	base, err := filepath.EvalSymlinks(s.Recordings())
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(filepath.Join(base, name)))
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(dir, base) {
		return "", fs.ErrNotExist
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		ext := filepath.Ext(path)
		if info.Mode().IsRegular() && slices.Contains(formats, strings.TrimPrefix(ext, ".")) && strings.TrimSuffix(e.Name(), ext) == filepath.Base(name) {
			if info.Mode().Perm()&0o004 == 0 { // Asterisk reads as another user
				return "", fs.ErrPermission
			}
			return path, nil
		}
	}
	return "", fs.ErrNotExist
}
