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
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Geteuid() != 0 {
				return becomeRoot("to remove files of Asterisk and Postgres")
			}
			_, run, cache, err := upFolders("")
			if err != nil {
				return err
			}
			removed, err := stack.Clean(run, cache)
			for _, dir := range removed {
				fmt.Fprintln(cmd.OutOrStdout(), "removed", dir)
			}
			if err == nil && len(removed) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "nothing of 'ivr up' in %s or %s\n", run, cache)
			}
			return err
		},
	}
}
