package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// newHealth is what a container's health check calls: the image has no shell and no curl.
func newHealth() *cobra.Command {
	var file string
	var sets []string
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Ask the running relay whether it is ready; exit code 0 when it is",
		Example: "  destring health -c /etc/destring/destring.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			if c.Metrics.Address == "" {
				return usageError("metrics.address is not set: there is nothing to ask")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Metrics.Address+"/readyz", nil)
			if err != nil {
				return fmt.Errorf("health: %w", err)
			}
			relay := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy stands before one's own relay
			res, err := relay.Do(req)
			if err != nil {
				return fmt.Errorf("health: nobody answers on %s: %w", c.Metrics.Address, err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("health: not ready: %s", res.Status)
			}
			return nil
		},
	}
	addConfigFlags(cmd, &file, &sets)
	return cmd
}
