package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"destring/alerting"
)

// alertRoutes are the calls about alerts and silences.
func (h *house) alertRoutes(mux *http.ServeMux) {
	serve := h.alerter.Handler()
	for _, path := range []string{"/v1/alerts", "/v1/alerts/", "/v1/silences", "/v1/silences/"} {
		mux.Handle(path, serve)
	}
}

// controlFlags are those of every command that talks to the running relay.
type controlFlags struct {
	config string
	sets   []string
}

func (f *controlFlags) add(cmd *cobra.Command) { addConfigFlags(cmd, &f.config, &f.sets) }

// alerts is the way to the alerts of the running relay.
func (f *controlFlags) alerts() (*alerting.Client, error) {
	c, err := loadConfig(f.config, f.sets, cmdEnviron())
	if err != nil {
		return nil, err
	}
	return alerting.NewClient(c.controlSocket()), nil
}

// whoami is the author that goes on record.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func newAlert() *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "List, show and acknowledge alerts of the running relay",
		Example: "  destring alert list -c destring.yaml --match level>=high\n  destring alert ack -c destring.yaml 1f2e3d4c5b6a7988 --note 'key rotated'"}
	cmd.AddCommand(newAlertList(), newAlertShow(), newAlertAck())
	return cmd
}

func newAlertList() *cobra.Command {
	var f controlFlags
	var match []string
	var all bool
	var format string
	cmd := &cobra.Command{Use: "list", Short: "List open alerts, those touched last first", Args: cobra.NoArgs, Example: "  destring alert list -c destring.yaml --match 'task=billing.*'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usageError("-o %s: must be text or json", format)
			}
			client, err := f.alerts()
			if err != nil {
				return err
			}
			list, err := client.Alerts(cmd.Context(), match, all)
			if err != nil {
				return err
			}
			if format == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
			}
			p := &printerTo{w: cmd.OutOrStdout()}
			for _, a := range list {
				p.line("%s  %-8s %-12s %6d×  last %s ago  %s", a.ID, a.Level, a.Status, a.Count, age(time.Now(), lastOf(a)), visible(titleOf(a)))
			}
			if len(list) == 0 {
				p.line("no alerts")
			}
			return p.err
		}}
	cmd.Flags().StringArrayVar(&match, "match", nil, "field=value with * as wildcard, level>=high (may be repeated)")
	cmd.Flags().BoolVar(&all, "all", false, "resolved ones too")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	f.add(cmd)
	return cmd
}

// lastOf is when it last happened: by the record, else by our clock.
func lastOf(a *alerting.Alert) time.Time {
	if a.Last.IsZero() {
		return a.Touched
	}
	return a.Last
}

// titleOf says what an alert is about in one line.
func titleOf(a *alerting.Alert) string {
	title := a.Title()
	if len(a.Tasks) > 0 {
		title += " (" + strings.Join(a.Tasks, ", ") + ")"
	}
	return title
}

func newAlertShow() *cobra.Command {
	var f controlFlags
	cmd := &cobra.Command{Use: "show ID", Short: "Show one alert and what each sink was told, as JSON", Args: cobra.ExactArgs(1), Example: "  destring alert show -c destring.yaml 1f2e3d4c5b6a7988",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.alerts()
			if err != nil {
				return err
			}
			a, err := client.Alert(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return writeJSON(cmd.OutOrStdout(), a)
		}}
	f.add(cmd)
	return cmd
}

func newAlertAck() *cobra.Command {
	var f controlFlags
	var note string
	cmd := &cobra.Command{Use: "ack ID", Short: "Say that somebody is at it: the alert is not posted again", Args: cobra.ExactArgs(1), Example: "  destring alert ack -c destring.yaml 1f2e3d4c5b6a7988 --note 'key rotated'",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.alerts()
			if err != nil {
				return err
			}
			return client.Ack(cmd.Context(), args[0], whoami(), note)
		}}
	cmd.Flags().StringVar(&note, "note", "", "what is being done")
	f.add(cmd)
	return cmd
}

func newSilence() *cobra.Command {
	cmd := &cobra.Command{Use: "silence", Short: "Add, list and expire silences of the running relay",
		Example: "  destring silence add -c destring.yaml --match 'task=billing.*' --for 2h --reason 'rotation under way'"}
	cmd.AddCommand(newSilenceAdd(), newSilenceList(), newSilenceExpire())
	return cmd
}

func newSilenceAdd() *cobra.Command {
	var f controlFlags
	var match []string
	var length time.Duration
	var alert, author, reason string
	cmd := &cobra.Command{Use: "add", Short: "Keep alerts that fit from being posted, until an end", Args: cobra.NoArgs,
		Example: "  destring silence add -c destring.yaml --match rule=leak_cloud_key --match worker=celery@eu-3 --for 24h --reason 'INC-4711'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(match) == 0 && alert == "" || length <= 0 || reason == "" {
				return usageError("a silence needs --match or --alert, --for and --reason")
			}
			client, err := f.alerts()
			if err != nil {
				return err
			}
			made, err := client.Silence(cmd.Context(), match, alert, length, author, reason)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "silence %s until %s\n", made.ID, made.End.UTC().Format(time.RFC3339))
			return err
		}}
	cmd.Flags().StringArrayVar(&match, "match", nil, "field=value with * as wildcard, level<=medium (may be repeated; all must fit)")
	cmd.Flags().StringVar(&alert, "alert", "", "id of an alert whose group is to be silent")
	cmd.Flags().DurationVar(&length, "for", 0, "how long: 2h")
	cmd.Flags().StringVar(&author, "author", whoami(), "who is silencing")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	f.add(cmd)
	return cmd
}

func newSilenceList() *cobra.Command {
	var f controlFlags
	var all bool
	cmd := &cobra.Command{Use: "list", Short: "List silences, those that end last first", Args: cobra.NoArgs, Example: "  destring silence list -c destring.yaml --all",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.alerts()
			if err != nil {
				return err
			}
			list, err := client.Silences(cmd.Context(), all)
			if err != nil {
				return err
			}
			p := &printerTo{w: cmd.OutOrStdout()}
			for _, s := range list {
				var match []string
				for _, m := range s.Match {
					match = append(match, m.String())
				}
				p.line("%s  until %s  by %s  %s  %s", s.ID, s.End.UTC().Format(time.RFC3339), visible(s.Author), visible(strings.Join(match, " ")), visible(s.Reason))
			}
			if len(list) == 0 {
				p.line("no silences")
			}
			return p.err
		}}
	cmd.Flags().BoolVar(&all, "all", false, "ended ones too")
	f.add(cmd)
	return cmd
}

func newSilenceExpire() *cobra.Command {
	var f controlFlags
	cmd := &cobra.Command{Use: "expire ID", Short: "End a silence before its time", Args: cobra.ExactArgs(1), Example: "  destring silence expire -c destring.yaml 5b6a79881f2e3d4c",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.alerts()
			if err != nil {
				return err
			}
			return client.Expire(cmd.Context(), args[0], whoami())
		}}
	f.add(cmd)
	return cmd
}
