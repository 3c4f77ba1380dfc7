package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/spf13/cobra"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the configuration in effect, or the schema of all of it",
		Example: "  destring config show -c destring.yaml --origin\n  destring config schema > destring.schema.json"}
	cmd.AddCommand(newConfigShow(), newConfigSchema(), newConfigDoc())
	return cmd
}

func newConfigShow() *cobra.Command {
	var f controlFlags
	var origin bool
	cmd := &cobra.Command{Use: "show", Short: "Show every key with its value, secrets hidden", Args: cobra.NoArgs, Example: "  destring config show -c destring.yaml --origin",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, from, err := loadConfigOrigins(f.config, f.sets, cmdEnviron())
			if err != nil {
				return err
			}
			p := &printerTo{w: cmd.OutOrStdout()}
			for _, field := range configFields(reflect.TypeFor[Config]()) {
				line := field.Key + ": " + showValue(field.of(c))
				if origin {
					line = fmt.Sprintf("%-72s # %s", line, from[field.Key])
				}
				p.line("%s", line)
			}
			return p.err
		}}
	cmd.Flags().BoolVar(&origin, "origin", false, "say where each value comes from: default, file, env or set")
	f.add(cmd)
	return cmd
}

// showValue writes a value as it would stand in the file; a secret cannot print itself.
func showValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case fmt.Stringer:
		return x.String()
	case string:
		return quoted(x)
	case []string:
		return quoted(x)
	default:
		if isGroups(v.Type()) {
			return fmt.Sprintf("%d entries", v.Len())
		}
		return fmt.Sprint(x)
	}
}

func newConfigSchema() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
		Long:    "schema prints a JSON Schema. Put `# yaml-language-server: $schema=destring.schema.json` on the first line of the configuration and editors complete and check it.",
		Example: "  destring config schema > destring.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			return out.Encode(configSchema())
		}}
}

func configSchema() map[string]any {
	schema := schemaOf(reflect.TypeFor[Config]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "destring configuration"
	return schema
}

// schemaOf makes the schema of a group of keys.
func schemaOf(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "" || f.Type == typeSecret { // a secret must not stand in the file
			continue
		}
		property := schemaOfField(f)
		if doc := f.Tag.Get("doc"); doc != "" {
			property["description"] = doc
		}
		properties[key] = property
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func schemaOfField(f reflect.StructField) map[string]any {
	value := f.Tag.Get("default")
	property := map[string]any{"type": "string"}
	switch {
	case isGroups(f.Type):
		return map[string]any{"type": "array", "items": schemaOf(f.Type.Elem())}
	case f.Type == typeStrings:
		return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
	case f.Type == typeDuration:
		property["pattern"] = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	case f.Type == typeSize:
		property["pattern"] = `^[0-9]+(\.[0-9]+)? ?([KMGT]iB|[kKMGT]B|B)$`
	case f.Type.Kind() == reflect.Struct:
		return schemaOf(f.Type)
	case f.Type.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean", "default": value == "true"}
	case f.Type.Kind() == reflect.Int:
		property = map[string]any{"type": "integer", "minimum": 0}
		if value != "" {
			property["default"] = json.Number(value)
		}
		return property
	}
	if one := f.Tag.Get("one"); one != "" {
		property["enum"] = strings.Split(one, ",")
	}
	if value != "" {
		property["default"] = value
	}
	return property
}

func newInit() *cobra.Command {
	var force bool
	cmd := &cobra.Command{Use: "init [FILE]", Short: "Write a commented configuration with safe defaults", Args: cobra.MaximumNArgs(1),
		Long:    "init writes a configuration in which every key stands with its default and what it means; those that you have to set are not commented out.",
		Example: "  destring init /etc/destring/destring.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-" {
				return writeInit(cmd.OutOrStdout())
			}
			flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
			if force {
				flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
			}
			file, err := os.OpenFile(args[0], flags, 0o640)
			if errors.Is(err, fs.ErrExist) {
				return usageError("%s is there already: --force overwrites it", args[0])
			}
			if err != nil {
				return fmt.Errorf("init: %w", err)
			}
			if err := errors.Join(writeInit(file), file.Close()); err != nil {
				return fmt.Errorf("init: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is written. Set what is marked, then: destring validate -c %s\n", args[0], args[0])
			return err
		}}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that is there")
	return cmd
}

// initValues are the keys that init does not comment out: what a relay needs.
var initValues = map[string]string{
	"listen.syslog_tls.address": `"0.0.0.0:6514"`, "listen.syslog_tls.cert_file": "server.pem # set this", "listen.syslog_tls.key_file": "server.key # set this", "listen.syslog_tls.client_ca_file": "ca.pem # set this",
	"spool.dir": "/var/lib/destring/spool", "kafka.brokers": `["kafka.example:9093"] # set this`, "kafka.tls.enabled": "true", "metrics.address": `"127.0.0.1:9514"`,
}

// writeInit writes every key, group by group, in the order of Config.
func writeInit(w io.Writer) error {
	p := &printerTo{w: w}
	p.line("# Configuration of destring. Keys that are commented out have the value shown.")
	p.line("# yaml-language-server: $schema=destring.schema.json   (destring config schema > destring.schema.json)")
	p.line("# Each key can be set by an environment variable too: kafka.brokers by DESTRING_KAFKA_BROKERS.")
	writeGroup(p, reflect.TypeFor[Config](), "", "")
	return p.err
}

func writeGroup(p *printerTo, t reflect.Type, prefix, margin string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "" || f.Type == typeSecret {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			p.line("")
			if doc := f.Tag.Get("doc"); doc != "" {
				p.line("%s# %s", margin, doc)
			}
			p.line("%s%s:", margin+commentFor(prefix+key), key)
			writeGroup(p, f.Type, prefix+key+".", margin+"  ")
			continue
		}
		p.line("%s# %s", margin, f.Tag.Get("doc"))
		if value, needed := initValues[prefix+key]; needed {
			p.line("%s%s: %s", margin, key, value)
			continue
		}
		p.line("%s# %s: %s", margin, key, initDefault(f))
	}
}

// commentFor comments a group out in which nothing is set.
func commentFor(group string) string {
	for key := range initValues {
		if strings.HasPrefix(key, group+".") {
			return ""
		}
	}
	return "# "
}

func initDefault(f reflect.StructField) string {
	value := f.Tag.Get("default")
	switch {
	case f.Type.Kind() == reflect.Slice:
		return "[]"
	case value == "":
		return `""`
	}
	return value
}
