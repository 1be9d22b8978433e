package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Postgres is one of somebody's own, which can be stopped and started again while others
// connect to it. That of [Start] is everybody's, and is not to be stopped.
type Postgres struct {
	URL string // of its owner's database; the same after every Start

	stack   *Stack // of nothing else
	cluster cluster
}

// NewPostgres makes one in dir, which is made too, and starts it. It needs root, and Postgres'
// programs to be installed. Close it.
func NewPostgres(ctx context.Context, dir string) (*Postgres, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("bringing up a Postgres needs root (namespaces, users): use sudo")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p := &Postgres{cluster: cluster{
		name: "an own postgres", owner: "hotline", dir: filepath.Join(dir, "pg"), bin: findPostgres(),
		log: filepath.Join(dir, "postgres.log"), initLog: filepath.Join(dir, "initdb.log"),
	}}
	if p.cluster.bin == "" {
		return nil, fmt.Errorf("no Postgres from version %d on is installed: install it, or let 'ivr up' do so", minPostgres)
	}
	if p.cluster.addr, err = choose("", "tcp", ""); err != nil {
		return nil, err
	}
	p.stack = &Stack{run: dir, died: make(chan error, 8), spawner: newSpawner(), steps: newSteps(io.Discard)}
	if p.URL, err = p.stack.cluster(ctx, p.cluster, func(string, ...any) {}); err != nil {
		return nil, errors.Join(err, p.Close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// Stop shuts it down as an operator does for a moment: connections are cut, what was committed
// stays. Whoever connects then is refused.
func (p *Postgres) Stop(ctx context.Context) error {
	var all []error
	for _, part := range p.stack.parts {
		all = append(all, part.stop(ctx))
	}
	p.stack.parts = nil
	return errors.Join(all...)
}

// Start starts it again after a Stop, and returns when it answers.
func (p *Postgres) Start(ctx context.Context) error {
	_, err := p.stack.cluster(ctx, p.cluster, func(string, ...any) {})
	return err
}

// Close stops it for good. Its folder stays.
func (p *Postgres) Close(ctx context.Context) error {
	err := p.Stop(ctx)
	p.stack.spawner.close()
	return err
}
