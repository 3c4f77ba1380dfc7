// Package e2e tests destring with the real parts around it: a Celery worker with a Redis, an Apache
// Kafka, rsyslog, from the very files that deploy ships. It needs those parts (see parts.Need):
// with DESTRING_E2E=required, as in .ci/run, a part that is missing is a failure.
package e2e
