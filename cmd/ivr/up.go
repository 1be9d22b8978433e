package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hotline/internal/stack"

	"github.com/spf13/cobra"
)

func upCommand() *cobra.Command {
	var run string
	var parts bool
	cmd := &cobra.Command{
		Use: "up",
		RunE: func(cmd *cobra.Command, args []string) error {
			home, _ := os.UserHomeDir()
			s, err := stack.Start(cmd.Context(), stack.Options{Root: ".", Run: run, Cache: filepath.Join(home, ".cache/hotline"), Out: os.Stdout})
			if err != nil {
				return err
			}
			fmt.Println("up; Ctrl-C stops")
			select {
			case <-cmd.Context().Done():
			case err = <-s.Died():
			}
			return errors.Join(err, s.Stop(context.Background()))
		},
	}
	cmd.Flags().StringVar(&run, "run", ".run", "")
	cmd.Flags().BoolVar(&parts, "parts", false, "")
	return cmd
}
