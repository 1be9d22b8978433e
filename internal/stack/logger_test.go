package stack

import (
	"os"
	"strings"
	"testing"
)

// TestAsteriskWritesNoKeys: of Asterisk's kinds of messages all but errors may tell the
// keys that callers press (DTMF, VERBOSE, DEBUG) or their numbers (NOTICE, WARNING).
func TestAsteriskWritesNoKeys(t *testing.T) {
	files := 0
	for _, line := range section(t, "../../deploy/asterisk/logger.conf", "logfiles") {
		name, kinds, found := strings.Cut(line, "=>")
		if files++; !found || strings.TrimSpace(kinds) != "error" {
			t.Errorf("logger.conf: %s takes %s", strings.TrimSpace(name), strings.TrimSpace(kinds))
		}
	}
	if files == 0 {
		t.Error("logger.conf has no file for errors")
	}
	set := map[string]string{}
	for _, line := range section(t, "../../deploy/asterisk/asterisk.conf", "options") {
		name, value, _ := strings.Cut(line, "=")
		set[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if set["verbose"] != "0" || set["debug"] != "0" {
		t.Errorf("asterisk.conf: verbose %q, debug %q", set["verbose"], set["debug"])
	}
	if set["mindtmfduration"] != "0" {
		t.Errorf("asterisk.conf: mindtmfduration %q: short keys are lengthened and told twice", set["mindtmfduration"])
	}
}

// section gives the settings of one section of Asterisk's configuration.
func section(t *testing.T, file, name string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, ";")
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			inside = line == "["+name+"]"
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}
