// Command ivr is the hotline: one binary, one file per subcommand.
//
// Exit codes of every subcommand: 0 done, 1 the thing asked for failed or has
// problems (each named on stderr), 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// usageError marks a mistake in the command line (exit 2), as against a failure
// of what was asked for (exit 1).
type usageError struct{ error }

// exitError carries the exit code of a command that has already said what is wrong.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "ivr: %v\n", err)
		return 2
	}
	fmt.Fprintf(os.Stderr, "ivr: %v\n", err)
	return 1
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ivr",
		Short:         "A self-service telephone hotline from YAML menus",
		SilenceErrors: true,
		SilenceUsage:  true,
		// Cobra reports an unknown command from here with our usage code.
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q (see 'ivr --help')", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(upCommand(), cleanCommand())
	root.AddCommand(serveCommand(), checkCommand(), simCommand(), promptsCommand())
	root.AddCommand(publishCommand(), rollbackCommand(), versionsCommand(), statusCommand())
	root.AddCommand(graphCommand(), diffCommand(), testCommand())
	root.AddCommand(serviceCommand())
	root.AddCommand(sandboxCommand(), bossCommand())
	root.AddCommand(benchCommand(), attackCommand())
	root.AddCommand(dialtestCommand())
	root.AddCommand(reportCommand(), migrateCommand(), keysCommand(), ordersCommand(), adminCommand())
	return root
}

// noArgs refuses arguments with the usage exit code.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q takes no argument %q (see '%s --help')", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	return nil
}
