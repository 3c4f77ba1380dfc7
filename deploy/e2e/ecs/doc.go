// Package ecs compares what the tests know of the Elastic Common Schema
// (rules/record/recordtest/ecs.jsonl) with the npm package @elastic/ecs, from which it is taken:
//
//	DESTRING_E2E=required go test ./deploy/e2e/ecs -update
//
// writes the file again, after a field was added or record.ECSVersion was raised.
package ecs
