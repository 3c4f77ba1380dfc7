// Package deploy holds what goes around destring: the handler for Celery workers, configuration of
// forwarders, and ways to run the relay. `destring deploy print NAME` gives each out, so
// that a machine with the binary alone has them.
package deploy

import "embed"

// Files are what `destring deploy` lists.
//
//go:embed celery/destring_celery.py rsyslog/*.conf syslog-ng/*.conf systemd/*.service compose/*.yaml kubernetes/*.yaml kafka/SCHEMA.md kafka/*.json kafka/*.yaml kafka/*.conf kafka/consume.* kafka/requirements.txt
var Files embed.FS
