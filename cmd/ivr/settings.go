package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hotline/internal/admin/api"
	"hotline/internal/ivr"
	"hotline/internal/orders/desk"
	"hotline/internal/prompts"
)

// The defaults that other commands share.
const (
	defaultHTTPAddr = "127.0.0.1:8090"
	defaultZone     = "Asia/Shanghai"
)

// settings of `ivr serve`, from the environment. README lists them.
type settings struct {
	databaseURL string
	httpAddr    string
	ariURLs     []string
	ariUser     string
	ariPassword string
	app         string
	standbyFor  string
	menus       string
	prompts     string
	audio       string
	codec       prompts.Codec // of audio that is made; "": that of what is live
	sounds      string
	patience    time.Duration
	spool       string
	keyFile     string
	cdrFile     string
	zone        *time.Location
	boss        string       // sandbox, a URL, or a file
	bossToken   string       // file
	desk        desk.Options // limits and times of it
	notifyURL   string
	notifyKey   string
	adminAddr   string // of the admin API; "": off
	adminUsers  string // file
	limits      ivr.Limits
	drain       time.Duration
}

// readSettings names everything that is missing or wrong, at once.
func readSettings(getenv func(string) string) (settings, error) {
	var problems []string
	need := func(name, what string) string {
		v := getenv(name)
		if v == "" {
			problems = append(problems, fmt.Sprintf("%s is not set: %s", name, what))
		}
		return v
	}
	or := func(name, otherwise string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	s := settings{
		databaseURL: need("DATABASE_URL", "Postgres, e.g. postgres://ivr:…@127.0.0.1/hotline"),
		httpAddr:    or("HTTP_ADDR", defaultHTTPAddr),
		ariURLs:     strings.Split(need("ARI_URL", "Asterisk, e.g. http://127.0.0.1:8088/ari; several with commas"), ","),
		ariUser:     need("ARI_USER", "the user of ari.conf"),
		ariPassword: need("ARI_PASSWORD", "its password"),
		app:         or("ARI_APP", "ivr-a"),
		standbyFor:  getenv("STANDBY_FOR"),
		menus:       or("MENUS", "menus"),
		prompts:     or("PROMPTS", "prompts"),
		audio:       need("AUDIO", "the folder with the prompts' audio, e.g. /var/spool/asterisk/recording/prompts"),
		sounds:      or("ARI_SOUNDS", filepath.Base(getenv("AUDIO"))),
		spool:       need("SPOOL", "a folder on a local disk for steps on their way to Postgres"),
		keyFile:     need("NUMBER_KEY_FILE", "a file with 64 hexadecimal digits: the key of stored caller numbers"),
		cdrFile:     getenv("CDR_FILE"),
		boss:        or("BOSS", builtIn),
		bossToken:   getenv("BOSS_TOKEN_FILE"),
		notifyURL:   getenv("NOTIFY_URL"),
		notifyKey:   getenv("NOTIFY_SECRET_FILE"),
		adminAddr:   getenv("ADMIN_ADDR"),
		adminUsers:  getenv("ADMIN_USERS_FILE"),
	}
	deskOptions, wrong := readDeskOptions(or)
	s.desk, problems = deskOptions, append(problems, wrong...)
	s.limits, s.desk.Daily, wrong = readLimits(or)
	problems = append(problems, wrong...)
	if (s.notifyURL == "") != (s.notifyKey == "") {
		problems = append(problems, "NOTIFY_URL and NOTIFY_SECRET_FILE go together: where results are sent, and the file with the secret that signs them")
	}
	if s.adminAddr != "" && s.adminUsers == "" {
		problems = append(problems, "ADMIN_USERS_FILE is not set, but ADMIN_ADDR is: the users of the admin API (see 'ivr admin adduser')")
	} else if s.adminAddr != "" {
		// The file is read at each request: one that is wrong would let nobody in, and say so to nobody.
		if err := api.CheckUsers(s.adminUsers); err != nil {
			problems = append(problems, fmt.Sprintf("ADMIN_USERS_FILE: %v", err))
		}
	}
	var err error
	if s.codec, err = codecNamed("CODEC", getenv("CODEC")); err != nil {
		problems = append(problems, err.Error())
	}
	if s.zone, err = time.LoadLocation(or("REPORT_ZONE", defaultZone)); err != nil {
		problems = append(problems, fmt.Sprintf("REPORT_ZONE: %v", err))
	}
	if s.drain, err = time.ParseDuration(or("DRAIN", "30s")); err != nil || s.drain < 0 {
		problems = append(problems, "DRAIN is not a time, e.g. 30s")
	}
	if s.patience, err = time.ParseDuration(or("SOUNDS_WAIT", "15s")); err != nil || s.patience < 0 {
		problems = append(problems, "SOUNDS_WAIT is not a time, e.g. 15s")
	}
	if kindOfBoss(s.boss) == bossUnknown {
		problems = append(problems, "BOSS leads to none: "+wantBoss)
	}
	if !filepath.IsLocal(s.sounds) {
		problems = append(problems, "ARI_SOUNDS is not the name of a folder below Asterisk's recording directory, e.g. prompts")
	}
	for _, address := range s.ariURLs {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			problems = append(problems, fmt.Sprintf("ARI_URL: %q is not like http://127.0.0.1:8088/ari; several with commas", address))
		}
	}
	if s.standbyFor == s.app {
		problems = append(problems, "STANDBY_FOR is this server's own ARI_APP: name the application of the server whose callers it takes over, e.g. ARI_APP=ivr-b STANDBY_FOR=ivr-a")
	}
	if len(problems) > 0 {
		return s, usageError{fmt.Errorf("the settings are in the environment:\n  %s", strings.Join(problems, "\n  "))}
	}
	return s, nil
}

// codecNamed reads a codec as people name it; setting is where. None is "".
func codecNamed(setting, name string) (prompts.Codec, error) {
	codec := prompts.Codec(name)
	if name != "" && !slices.Contains(prompts.Codecs, codec) {
		return "", fmt.Errorf("%s is none of alaw, ulaw and sln16: %q", setting, name)
	}
	return codec, nil
}

func settingsFromEnvironment() (settings, error) { return readSettings(os.Getenv) }
