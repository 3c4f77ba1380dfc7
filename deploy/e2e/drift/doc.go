// Package drift holds destring's table of Celery's messages against Celery's own sources.
//
// templates.py takes every message template out of a tree of Python sources. The test fails with the list of those
// that relay/celery neither has in its table nor names in kindless.txt. It looks at the lists stored in testdata always,
// and with DESTRING_E2E=required at the newest release of celery, kombu and billiard and the two before.
//
// testdata/templates.jsonl is of Celery 5.7.0, kombu 5.7.0, billiard 4.3.2; testdata/older.jsonl is what only Celery 5.2.7
// and 4.4.7 have.
package drift
