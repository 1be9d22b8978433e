package main

import "github.com/spf13/cobra"

func attackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "attack",
		Short: "Attack the hotline's guarantees, and count what breaks",
		Long: `Attack the hotline's guarantees, and count what breaks. Each attack runs servers of its own
on the Asterisk and Postgres of the environment, on databases of its own, and disturbs
nothing beside it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(attackKillCommand(), attackOrdersCommand(), attackAwayCommand(), attackSecretsCommand())
	return cmd
}
