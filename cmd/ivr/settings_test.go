package main

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"hotline/internal/prompts"
)

func TestSettings(t *testing.T) {
	needed := map[string]string{
		"DATABASE_URL": "postgres://h/d", "ARI_URL": "http://a/ari,http://b/ari", "ARI_USER": "u", "ARI_PASSWORD": "p",
		"AUDIO": "/audio", "SPOOL": "/spool", "NUMBER_KEY_FILE": "/key",
	}
	read := func(more map[string]string) (settings, error) {
		env := maps.Clone(needed)
		maps.Copy(env, more)
		return readSettings(func(name string) string { return env[name] })
	}
	s, err := read(nil)
	if err != nil || len(s.ariURLs) != 2 || s.ariURLs[1] != "http://b/ari" || s.app != "ivr-a" || s.limits.Live != 400 || s.drain != 30*time.Second || s.sounds != "audio" || s.codec != "" || s.patience != 15*time.Second || s.boss != "sandbox" || s.zone.String() != "Asia/Shanghai" {
		t.Errorf("%+v, %v", s, err)
	}
	for name, bad := range map[string][]string{
		"DATABASE_URL": {""}, "ARI_URL": {"", "127.0.0.1:8088", "ws://a/ari", "http://a/ari,b"}, "ARI_USER": {""}, "ARI_PASSWORD": {""}, "AUDIO": {""}, "SPOOL": {""}, "NUMBER_KEY_FILE": {""},
		"MAX_CALLS": {"0", "-1", "many"}, "MAX_UNNAMED": {"0", "few"}, "CALL_RATE": {"0", "-1", "fast", "NaN"},
		"NUMBER_LIMITS": {"live", "live=0", "live=2 minutes=3", "live=2 live=3", "orders=-1", "hour=many"}, "DRAIN": {"30", "-1s"}, "REPORT_ZONE": {"Mars/Olympus"},
		"ARI_SOUNDS": {"/prompts", "../prompts"}, "CODEC": {"mp3", "ALAW"}, "SOUNDS_WAIT": {"15", "-1s"},
		"ORDER_JOIN": {"1", "-1s"}, "ORDER_DEADLINE": {"40", "10ms"}, "ORDER_SETTLE": {"x", "0s"}, "BOSS_CONCURRENT": {"0", "x"}, "BOSS_RATE": {"0", "-1", "NaN", "Inf"},
		"ADMIN_USERS_FILE": {"/nowhere/users", "settings_test.go"},
		"BOSS":             {"oracle", "ftp://boss", "boss.json"},
	} {
		for _, value := range bad {
			set := map[string]string{name: value}
			if name == "ADMIN_USERS_FILE" {
				set["ADMIN_ADDR"] = "127.0.0.1:8091"
			}
			_, err := read(set)
			var usage usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	}
	if s, err = read(map[string]string{"AUDIO": "/var/spool/asterisk/recording/voices/", "CODEC": "sln16"}); err != nil || s.sounds != "voices" || s.codec != prompts.SLn16 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err = read(map[string]string{"ADMIN_ADDR": "127.0.0.1:8091"}); err == nil || !strings.Contains(err.Error(), "ADMIN_USERS_FILE") {
		t.Errorf("an admin API without users: %v", err)
	}
	if _, err = read(map[string]string{"NOTIFY_URL": "http://127.0.0.1:1/"}); err == nil || !strings.Contains(err.Error(), "NOTIFY_SECRET_FILE") {
		t.Errorf("results that nothing signs: %v", err)
	}
	_, err = readSettings(func(string) string { return "" })
	if got := strings.Count(err.Error(), " is not set: "); got != len(needed) {
		t.Errorf("%d of %d missing settings are named at once", got, len(needed))
	}
}
