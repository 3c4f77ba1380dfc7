// Package consumers runs the sample consumers of deploy/kafka against a real Kafka.
package consumers
