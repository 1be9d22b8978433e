package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/internal/menu/tree"
	"hotline/internal/prompts"
	"hotline/internal/releases"
)

// services are the names that ops may use: what calls ask about, and the prompts
// that can be said, each with what it is to people.
type services struct{ names, prompts map[string]string }

// liveServices reads them from the live version; from the folder where nothing has
// been published.
func liveServices(ctx context.Context, pool *pgxpool.Pool) (services, error) {
	at := place{menus: cmp.Or(os.Getenv("MENUS"), "menus"), texts: cmp.Or(os.Getenv("PROMPTS"), "prompts")}
	store := releases.NewStore(pool)
	var snap *releases.Snapshot
	live, err := store.Live(ctx)
	switch {
	case errors.Is(err, releases.ErrNone):
		snap, err = releases.Take(at.menus, at.texts)
	case err == nil:
		snap, err = store.Open(ctx, live.Release)
	}
	if err != nil {
		return services{}, err
	}
	trees, catalog, err := at.load(snap)
	if err != nil {
		return services{}, fmt.Errorf("the names of services are in the live menus, which cannot be read:\n%w", err)
	}
	return namesOf(trees, catalog), nil
}

func namesOf(trees []*tree.Tree, catalog *prompts.Catalog) services {
	k := services{map[string]string{}, map[string]string{}}
	for _, t := range trees {
		lang := t.Languages[0]
		for id, s := range t.Services {
			k.names[id] = cmp.Or(s.Names[lang], catalog.Text(lang, s.Say), id)
		}
		labels := map[string]string{} // of the options, by the function that they lead to
		for _, n := range t.Nodes {
			if n.Menu == nil {
				continue
			}
			for _, o := range n.Menu.Options {
				var words strings.Builder
				for _, ref := range o.Label {
					words.WriteString(catalog.Text(lang, ref))
				}
				if to := t.Nodes[o.To]; to.Serves != nil { // also by way of a password or an entry
					labels[to.Serves.Service] = words.String()
				}
			}
		}
		for _, n := range t.Nodes {
			// A query of a service is about the service.
			if q := n.Query; q != nil && q.Service == "" {
				k.names[q.Name] = cmp.Or(k.names[q.Name], labels[q.Name], q.Name)
			}
		}
		for _, e := range catalog.Entries(lang) {
			if hasPrompt(catalog, e.ID) {
				k.prompts[e.ID] = e.Text
			}
		}
	}
	return k
}

// full is a service with its name.
func (k services) full(service string) string {
	if name := k.names[service]; name != "" && name != service {
		return service + " (" + name + ")"
	}
	return service
}

// service says what is wrong with the name of a service; nil for nothing.
func (k services) service(name string) error {
	if _, known := k.names[name]; !known {
		return unknown("service", name, k.names, "see 'ivr service list'")
	}
	return nil
}

// prompt says what is wrong with the name of a prompt; nil for nothing.
func (k services) prompt(id string) error {
	if _, known := k.prompts[id]; !known {
		return unknown("prompt", id, k.prompts, "see 'ivr prompts list'")
	}
	return nil
}
