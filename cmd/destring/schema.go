package main

import (
	"github.com/spf13/cobra"

	"destring/rules/record"
)

func newSchema() *cobra.Command {
	cmd := &cobra.Command{Use: "schema", Short: "Print the schema of the published records", Example: "  destring schema print --format jsonschema"}
	var format string
	show := &cobra.Command{Use: "print", Short: "Print the schema as JSON Schema or as a Markdown table", Args: cobra.NoArgs, Example: "  destring schema print --format markdown",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch format {
			case "jsonschema":
				return writeJSON(cmd.OutOrStdout(), record.JSONSchema())
			case "markdown":
				_, err := cmd.OutOrStdout().Write(record.Markdown())
				return err
			case "elastic":
				return writeJSON(cmd.OutOrStdout(), record.IndexTemplate())
			case "opensearch":
				return writeJSON(cmd.OutOrStdout(), record.OpenSearchTemplate())
			}
			return usageError("--format %s: must be jsonschema, markdown, elastic or opensearch", format)
		}}
	show.Flags().StringVar(&format, "format", "jsonschema", "jsonschema, markdown, or an index template: elastic, opensearch")
	cmd.AddCommand(show)
	return cmd
}
