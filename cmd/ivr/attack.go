package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

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

// conclude prints what an attack has shown, and fails where a promise was broken.
func conclude(out io.Writer, asJSON bool, report interface{ show(io.Writer) error }, broken map[string][]string) error {
	show := report.show
	if asJSON {
		show = func(out io.Writer) error { return json.NewEncoder(out).Encode(report) }
	}
	if err := show(out); err != nil {
		return err
	}
	if len(broken) > 0 {
		return exitError(1)
	}
	return nil
}
