package main

import (
	"fmt"
	"io"
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
	if page.Next != "" {
		fmt.Fprintf(out, "There are more: --after %s\n", page.Next)
	}
}

func printOrder(out io.Writer, o api.Shown, history []api.Step, zone *time.Location) {
	printOrders(out, api.Page[api.Order]{Items: []api.Order{o.Order}}, zone)
	if o.DecidedBy != nil && o.DecidedAt != nil && o.DecidedWhy != nil {
		fmt.Fprintf(out, "decided by %s, %s: %s\n", *o.DecidedBy, clock(*o.DecidedAt, zone), *o.DecidedWhy)
	}
	apps := table.NewWriter()
	apps.SetStyle(table.StyleLight)
	apps.AppendHeader(table.Row{"application", "opened", "kind", "outcome", "cause", "node"})
	for _, a := range o.Applications {
		outcome := "open"
		if a.Outcome != nil && a.Detail != nil {
			outcome = orders.Result{Outcome: orders.Outcome(*a.Outcome), Detail: orders.Detail(*a.Detail)}.String()
		}
		apps.AppendRow(table.Row{a.Application, clock(a.OpenedAt, zone), a.Kind, outcome, a.Category, a.Node})
	}
	fmt.Fprintln(out, apps.Render())
	for _, n := range o.Notifications {
		fmt.Fprintf(out, "notification %s: %s, %s after %d attempts %s\n", n.Notification, n.Text, n.State, n.Attempts, n.LastError)
	}
	steps := table.NewWriter()
	steps.SetStyle(table.StyleLight)
	steps.AppendHeader(table.Row{"at", "step", "kind", "node", "detail"})
	for _, s := range history {
		steps.AppendRow(table.Row{clock(s.At, zone), s.Seq, s.Kind, s.Node, string(s.Detail)})
	}
	fmt.Fprintln(out, steps.Render())
}
