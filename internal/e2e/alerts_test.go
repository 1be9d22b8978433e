package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

const alertsDir = "../../deploy/prometheus"

// alert is a rule of alerts.yaml.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(alertsDir, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

// TestAlertRules plays the rules through with Prometheus's own tool, and makes sure that each is
// seen both silent and firing.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" || os.Getenv("IVR_PARTS") == "required" {
			t.Fatal("there is no promtool, and this run must not skip: run it by 'make test'")
		}
		t.Skip("there is no promtool: run it by 'make test'")
	}
	out, err := exec.CommandContext(t.Context(), tool, "check", "rules", filepath.Join(alertsDir, "alerts.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	played := filepath.Join(alertsDir, "alerts_test.yaml")
	if out, err = exec.CommandContext(t.Context(), tool, "test", "rules", played).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(played)
	if err != nil {
		t.Fatal(err)
	}
	var tests struct {
		Tests []struct {
			Cases []struct {
				Name   string `yaml:"alertname"`
				Alerts []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(text, &tests); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, c := range test.Cases {
			if len(c.Alerts) > 0 {
				fires[c.Name] = true
			} else {
				silent[c.Name] = true
			}
		}
	}
	for _, a := range alerts(t) {
		if !fires[a.Alert] || !silent[a.Alert] {
			t.Errorf("%s is not seen both firing and silent in %s", a.Alert, played)
		}
		if a.Labels["severity"] != "page" && a.Labels["severity"] != "ticket" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s does not say how urgent it is, what it is, or what to do", a.Alert)
		}
	}
}

var (
	selector = regexp.MustCompile(`(ivr_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`by \(([^)]*)\)`)
)

// wanted are the series that a rule needs to be there, each as the metric and parts of its labels.
func (a alert) wanted() (all [][]string) {
	var labels []string
	for _, by := range grouping.FindAllStringSubmatch(a.Expr, -1) {
		for _, label := range strings.Split(by[1], ",") {
			if label = strings.TrimSpace(label); label != "instance" { // Prometheus adds it
				labels = append(labels, label+`="`)
			}
		}
	}
	for _, s := range selector.FindAllStringSubmatch(a.Expr, -1) {
		series := [][]string{append([]string{s[1]}, labels...)}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			var each [][]string
			for _, value := range strings.Split(m[3], "|") {
				for _, parts := range series {
					each = append(each, append(slices.Clone(parts), m[1]+`="`+value+`"`))
				}
			}
			series = each
		}
		all = append(all, series...)
	}
	return all
}

// exposes tells whether a series is among those of a server.
func exposes(metrics map[string]float64, parts []string) bool {
	for series := range metrics {
		name, labels, _ := strings.Cut(series, "{")
		if name == parts[0] && !slices.ContainsFunc(parts[1:], func(part string) bool { return !strings.Contains(labels, part) }) {
			return true
		}
	}
	return false
}

// TestAlertsAreOfWhatServersTell: a rule on a metric that is not there, or not before it is too
// late, never fires. A server that has just begun has all of them, with the labels that they are asked by.
func TestAlertsAreOfWhatServersTell(t *testing.T) {
	t.Parallel()
	h := open(t)
	eventually(t, 20*time.Second, func() string {
		var missing []string
		metrics := h.proc.metrics(t)
		for _, a := range alerts(t) {
			series := a.wanted()
			if len(series) == 0 {
				t.Fatalf("%s is on no metric of ours: %s", a.Alert, a.Expr)
			}
			for _, parts := range series {
				if !exposes(metrics, parts) {
					missing = append(missing, a.Alert+" "+strings.Join(parts, " "))
				}
			}
		}
		return strings.Join(missing, "\n")
	})
}
