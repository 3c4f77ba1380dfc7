package main

import (
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"destring/deploy"
)

func newDeploy() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "deploy",
		Short:   "List or print the files that go around destring: worker handler, forwarders, systemd, compose, Kubernetes",
		Example: "  destring deploy list\n  destring deploy print celery/destring_celery.py > destring_celery.py",
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the files", Args: cobra.NoArgs, Example: "  destring deploy list",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return fs.WalkDir(deploy.Files, ".", func(name string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					_, err = fmt.Fprintln(cmd.OutOrStdout(), name)
					return err
				})
			}},
		&cobra.Command{Use: "print NAME", Short: "Print one of them", Args: cobra.ExactArgs(1), Example: "  destring deploy print kubernetes/destring.yaml > destring-kubernetes.yaml",
			RunE: func(cmd *cobra.Command, args []string) error {
				text, err := deploy.Files.ReadFile(args[0])
				if err != nil {
					return usageError("%s is none of the files that `destring deploy list` shows", args[0])
				}
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}})
	return cmd
}
