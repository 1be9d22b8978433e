package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"
)

// Template is a database that others are copies of: what every test of a package would do anew in
// an empty one is done in it, once.
type Template struct{ server, name string }

// NewTemplate makes one on the server of DATABASE_URL, which must be set, and has it filled; fill
// may leave no connection open. Who runs the tests drops it when they are over (TestMain).
func NewTemplate(ctx context.Context, fill func(ctx context.Context, url string) error) (*Template, error) {
	t := &Template{os.Getenv("DATABASE_URL"), newName()}
	if err := statement(ctx, t.server, "create database "+t.name); err != nil {
		return nil, fmt.Errorf("make a template: %w", err)
	}
	own, err := url.Parse(t.server)
	if err == nil {
		own.Path = "/" + t.name
		err = fill(ctx, own.String())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fill a template: %w", err), t.Drop(context.WithoutCancel(ctx)))
	}
	return t, nil
}

// Drop takes it away; the copies stay.
func (t *Template) Drop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := statement(ctx, t.server, "drop database if exists "+t.name+" with (force)"); err != nil {
		return fmt.Errorf("drop a template: %w", err)
	}
	return nil
}

// Database is the function Database with a copy of the template in place of an empty database.
func (tpl *Template) Database(t testing.TB) string {
	t.Helper()
	return database(t, " template "+tpl.name)
}
