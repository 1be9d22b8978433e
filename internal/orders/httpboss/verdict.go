package httpboss

import (
	"slices"

	"hotline/internal/orders"
	"hotline/internal/source"
)

// String is the verdict as it is written.
func (v verdict) String() string {
	if v.word != "" {
		return v.word
	}
	return v.result.String()
}

// confirmed is what success means.
var confirmed = orders.Result{Outcome: orders.Success, Detail: orders.Confirmed}

// outcomesOf are those that an operation can end with. Failures of the switch, of media
// and of the platform are never the BOSS's to tell.
var outcomesOf = map[kind][]orders.Outcome{
	submit: {orders.Success, orders.Rejected, orders.AuthFailed, orders.SystemFailed, orders.Unknown},
	lookup: {orders.Success, orders.Rejected, orders.AuthFailed, orders.SystemFailed, orders.Unknown},
	verify: {orders.Success, orders.AuthFailed, orders.SystemFailed},
	query:  {orders.Success, orders.Rejected, orders.SystemFailed},
	prices: {orders.Success, orders.SystemFailed},
}

// verdicts are the words that the code table of an operation may have.
func verdicts(k kind) map[string]verdict {
	words := map[string]verdict{}
	ofBOSS := []orders.Detail{orders.BossError, orders.BossTimeout, orders.BossUnavailable}
	for _, r := range orders.Results() {
		switch {
		case !slices.Contains(outcomesOf[k], r.Outcome),
			r.Outcome == orders.SystemFailed && !slices.Contains(ofBOSS, r.Detail):
		case r == confirmed:
			words["success"] = verdict{result: r}
		case r.Outcome != orders.Success:
			words[r.String()] = verdict{result: r}
		}
	}
	switch k {
	case common:
	case lookup:
		words[notFound] = verdict{word: notFound}
	default:
		words[notDone] = verdict{word: notDone}
	}
	return words
}

// verdictsOfStatus are the words that statuses may have.
func verdictsOfStatus(k kind) map[string]verdict {
	words := verdicts(k)
	for _, w := range []string{readReply, lost, notDone} {
		words[w] = verdict{word: w}
	}
	return words
}

// verdict reads one word of a closed set.
func (l *loader) verdict(n source.Node, known map[string]verdict) verdict {
	return known[n.OneOf(sorted(known)...)]
}

// statuses reads what HTTP statuses mean.
func (l *loader) statuses(n source.Node, k kind) map[string]verdict {
	all, known := map[string]verdict{}, verdictsOfStatus(k)
	n.Entries(func(key, value source.Node) {
		if !statusText.MatchString(key.Scalar()) {
			key.Report("status", "expected an HTTP status such as 503, or 5xx for all that begin so")
			return
		}
		v := l.verdict(value, known)
		l.trusted(value, k, key.Scalar(), v)
		all[key.Scalar()] = v
	})
	return all
}

// trusted warns of a status that is believed more than a status can be: whatever stands
// between, a proxy or a gateway, answers in its own name and with the same figures, when
// the BOSS has acted and when it has not even been asked.
func (l *loader) trusted(n source.Node, k kind, status string, v verdict) {
	said := v != (verdict{}) && v.word != readReply && v.word != lost && v.result.Outcome != orders.Unknown
	switch {
	case k == lookup && v.word == notFound:
		l.warn(n, "status", "a gateway that leads nowhere answers %s, too, and the order would be taken for one that never arrived; reply reads the BOSS's own word", status)
	case (k == submit || k == common) && status[0] == '5' && status != "501" && status != "503" && said:
		l.warn(n, "status", "%s also comes from a gateway that has stopped waiting for a BOSS that acts; lost is safe, reply reads the BOSS's own word", status)
	case (k == submit || k == common) && status[0] == '2' && said:
		l.warn(n, "status", "any page with status %s would be %s, whatever the BOSS has done; reply reads the BOSS's own word", status, v)
	}
}

// outcomes reads a code table. What a code means that it does not list has to be told,
// and is no success: nothing defaults to that.
func (l *loader) outcomes(n source.Node, k kind, d *draft) {
	d.outcomes = map[string]verdict{}
	known := verdicts(k)
	never := []string{"success", notDone, notFound}
	otherwise := verdicts(k)
	for _, word := range never {
		delete(otherwise, word)
	}
	n.Entries(func(key, value source.Node) {
		if key.Scalar() != "default" {
			d.outcomes[key.Scalar()] = l.verdict(value, known)
			return
		}
		if slices.ContainsFunc(never, value.Is) {
			value.Report("default", "a code that nobody has listed promises nothing: it is never taken as success, not_done or not_found")
			return
		}
		v := l.verdict(value, otherwise)
		d.otherwise = &v
		if (k == submit || k == lookup) && v.result.Outcome != orders.Unknown && v.result.Outcome != "" {
			l.warn(value, "default", "a code that nobody has listed will end orders as %s, though the BOSS may have acted; unknown is safe", v)
		}
	})
}
