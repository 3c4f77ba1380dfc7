package main

import (
	"fmt"

	"destring/relay/kafka"
	"destring/rules"
)

// The functions here make what the rooms want of the configuration, each for one room.

// kafka is the way to the brokers and the topics.
func (c *Config) kafka() (kafka.Config, error) {
	k := &c.Kafka
	cfg := kafka.Config{Connection: kafka.Connection{Brokers: k.Brokers, AllowPlaintext: k.AllowPlaintext}, NoCreate: !k.CreateTopics}
	if k.secured() {
		cfg.TLS = &kafka.TLS{CAFile: c.path(k.TLS.CAFile), CertFile: c.path(k.TLS.CertFile), KeyFile: c.path(k.TLS.KeyFile), ServerName: k.TLS.ServerName}
	}
	if k.SASL.Mechanism != "none" {
		password, err := c.secretFrom(k.SASL.Password, k.SASL.PasswordFile)
		if err != nil {
			return cfg, fmt.Errorf("kafka.sasl.password_file: %w", err)
		}
		mechanism := map[string]string{"plain": kafka.Plain, "scram-sha-256": kafka.ScramSHA256, "scram-sha-512": kafka.ScramSHA512}[k.SASL.Mechanism]
		cfg.SASL = &kafka.SASL{Mechanism: mechanism, User: k.SASL.Username, Password: password}
	}
	for i, name := range c.topics() {
		topic := kafka.Topic{Name: name, Partitions: 1}
		if rules.Topic(i) == rules.Logs {
			topic.Partitions = int32(k.Partitions)
		}
		cfg.Topics = append(cfg.Topics, topic)
	}
	return cfg, cfg.Connection.Validate()
}
