package main

import (
	"fmt"
	"os"

	"hotline/internal/stack"

	"github.com/spf13/cobra"
)

func cleanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove what 'ivr up' made: .run with all data, and the fetched Asterisk",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Geteuid() != 0 {
				return becomeRoot("to remove files of Asterisk and Postgres")
			}
			_, run, cache, err := upFolders("")
			if err != nil {
				return err
			}
			if err := stack.Clean(run, cache); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "removed %s and %s\n", run, cache)
			return nil
		},
	}
}
