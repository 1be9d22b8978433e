package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"hotline/internal/admin/api"
	"hotline/internal/orders"
)

// result is how an order ended: "success/reconciled", or its state.
func result(o api.Order) string {
	if o.Outcome == "" {
		return o.State
	}
	return orders.Result{Outcome: orders.Outcome(o.Outcome), Detail: orders.Detail(o.Detail)}.String()
}

func printOrders(out io.Writer, page api.Page[api.Order], zone *time.Location) {
	if none(out, page.Items, "orders") {
		return
	}
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"order", "created", "age", "number", "service", "action", "yuan", "state", "result", "for a person"})
	for _, o := range page.Items {
		why := ""
		if o.PersonWhy != nil {
			why = paint(yellow, *o.PersonWhy)
		}
		t.AppendRow(table.Row{o.Order, clock(o.CreatedAt, zone), time.Duration(o.AgeS) * time.Second, o.Number, o.Service, o.Action,
			orders.Money(o.Price), o.State, result(o), why})
	}
	fmt.Fprintln(out, t.Render())
	printNext(out, page.Next)
}

// none says in words that a list is empty: a table without rows looks like one that is broken.
func none[T any](out io.Writer, items []T, what string) bool {
	if len(items) == 0 {
		fmt.Fprintf(out, "There are no such %s.\n", what)
	}
	return len(items) == 0
}

func printNext(out io.Writer, next string) {
	if next != "" {
		fmt.Fprintf(out, "There are more: --after %s\n", next)
	}
}

func printApplications(out io.Writer, page api.Page[api.Application], zone *time.Location) {
	if none(out, page.Items, "applications") {
		return
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"application", "opened", "kind", "service", "action", "outcome", "cause", "node"})
	for _, a := range page.Items {
		outcome := "open"
		if a.Outcome != nil && a.Detail != nil {
			outcome = orders.Result{Outcome: orders.Outcome(*a.Outcome), Detail: orders.Detail(*a.Detail)}.String()
		}
		t.AppendRow(table.Row{a.Application, clock(a.OpenedAt, zone), a.Kind, a.Service, a.Action, outcome, a.Category, a.Node})
	}
	fmt.Fprintln(out, t.Render())
	printNext(out, page.Next)
}

func printNotifications(out io.Writer, page api.Page[api.Notification], zone *time.Location) {
	if none(out, page.Items, "notifications") {
		return
	}
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"notification", "created", "text", "state", "attempts", "next try", "last error", "order"})
	for _, n := range page.Items {
		state, next := n.State, ""
		switch n.State {
		case "held", "due":
			next = clock(n.NextTryAt, zone)
		case "given_up":
			state = paint(yellow, state)
		}
		t.AppendRow(table.Row{n.Notification, clock(n.CreatedAt, zone), n.Text, state, n.Attempts, next, n.LastError, n.Order})
	}
	fmt.Fprintln(out, t.Render())
	printNext(out, page.Next)
}

func printAudit(out io.Writer, page api.Page[api.Audit], zone *time.Location) {
	if none(out, page.Items, "entries") {
		return
	}
	paint := painter(out)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"at", "who", "role", "from", "action", "object", "why", "answer"})
	for _, a := range page.Items {
		answer := paint(yellow, "?")
		if a.Status != nil {
			if answer = fmt.Sprint(*a.Status); *a.Status >= http.StatusBadRequest {
				answer = paint(yellow, answer)
			}
		}
		t.AppendRow(table.Row{clock(a.At, zone), a.Who, a.Role, a.Client, a.Action, a.Object, a.Why, answer})
	}
	fmt.Fprintln(out, t.Render())
	printNext(out, page.Next)
}

func printOrder(out io.Writer, o api.Shown, history []api.Step, zone *time.Location) {
	printOrders(out, api.Page[api.Order]{Items: []api.Order{o.Order}}, zone)
	if o.DecidedBy != nil && o.DecidedAt != nil && o.DecidedWhy != nil {
		fmt.Fprintf(out, "decided by %s, %s: %s\n", *o.DecidedBy, clock(*o.DecidedAt, zone), *o.DecidedWhy)
	}
	printApplications(out, api.Page[api.Application]{Items: o.Applications}, zone)
	for _, n := range o.Notifications {
		fmt.Fprintf(out, "notification %s: %s, %s after %d attempts %s\n", n.Notification, n.Text, n.State, n.Attempts, n.LastError)
	}
	steps := table.NewWriter()
	steps.SetStyle(table.StyleLight)
	steps.AppendHeader(table.Row{"at", "call", "step", "kind", "node", "detail"})
	for _, s := range history {
		// Two telephones may have asked for the same: their steps stand among each other.
		call, _, _ := strings.Cut(s.Call, "-")
		steps.AppendRow(table.Row{clock(s.At, zone), call, s.Seq, s.Kind, s.Node, string(s.Detail)})
	}
	fmt.Fprintln(out, steps.Render())
}
