package kafka

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	metaapi "github.com/segmentio/kafka-go/protocol/metadata"
)

// readers lists who can read the topics, as far as ACLs say. Super users can as well; no
// request tells who they are, only the brokers' configuration.
func (i *inspector) readers(present []metaapi.ResponseTopic) {
	ctx, cancel := context.WithTimeout(i.ctx, probeTimeout)
	defer cancel()
	k, err := i.client.kafka()
	if err != nil {
		i.add(Note, "readers", "", "cannot be listed: %v", err)
		return
	}
	for _, t := range present {
		subject := "topic " + t.Name
		res, err := k.DescribeACLs(ctx, &kafkago.DescribeACLsRequest{Filter: kafkago.ACLFilter{
			ResourceTypeFilter: kafkago.ResourceTypeTopic, ResourceNameFilter: t.Name, ResourcePatternTypeFilter: kafkago.PatternTypeMatch,
			Operation: kafkago.ACLOperationTypeAny, PermissionType: kafkago.ACLPermissionTypeAny}})
		if err == nil {
			err = res.Error
		}
		switch {
		case errors.Is(err, kafkago.SecurityDisabled):
			i.add(Warning, subject, "configure an authorizer on the brokers (authorizer.class.name) and ACLs",
				"the cluster has no ACLs: everybody who can reach it can read and change the records")
			return
		case err != nil:
			i.add(Note, "readers", "allow Describe on the cluster to list them", "who can read the topics cannot be listed: %v", err)
			return
		}
		i.listReaders(subject, t.Name, res.Resources)
	}
}

func (i *inspector) listReaders(subject, topic string, resources []kafkago.ACLResource) {
	var readers []string
	for _, r := range resources {
		for _, a := range r.ACLs {
			reads := a.Operation == kafkago.ACLOperationTypeRead || a.Operation == kafkago.ACLOperationTypeAll
			if !reads || a.PermissionType != kafkago.ACLPermissionTypeAllow {
				continue
			}
			name := printable(a.Principal)
			if a.Host != "*" {
				name += " from " + printable(a.Host)
			}
			if r.ResourceName == "*" || r.PatternType == kafkago.PatternTypePrefixed {
				name += " (by a rule for " + printable(r.ResourceName) + map[bool]string{true: "*"}[r.PatternType == kafkago.PatternTypePrefixed] + ")"
			}
			if a.Principal == "User:*" {
				i.add(Warning, subject, "remove it: kafka-acls --remove --allow-principal 'User:*' --operation "+a.Operation.String()+" --topic "+printable(r.ResourceName),
					"everybody may read it: %s", name)
				continue
			}
			if !slices.Contains(readers, name) {
				readers = append(readers, name)
			}
		}
	}
	slices.Sort(readers)
	if len(readers) == 0 {
		i.add(Note, subject, "", "no ACL lets anybody but super users read it")
		return
	}
	i.add(OK, subject, "", "can be read by %s (and by the cluster's super users)", strings.Join(readers, ", "))
}

// listeners warns of plaintext ones that others can reach.
func (i *inspector) listeners(m *metaapi.Response) {
	for _, b := range m.Brokers {
		subject := "broker " + strconv.Itoa(int(b.NodeID))
		values, err := i.configs(kafkago.ResourceTypeBroker, strconv.Itoa(int(b.NodeID)))
		if err != nil {
			i.add(Note, subject, "allow DescribeConfigs on the cluster to see its listeners", "its settings cannot be read: %v", err)
			continue
		}
		for _, l := range plaintext(values) {
			i.add(Warning, subject, "give the listener SSL or SASL_SSL, or bind it to loopback", "the listener %s is not encrypted: records can be read on the way to readers", printable(l))
		}
	}
}

// plaintext returns the listeners without TLS that are not bound to loopback.
func plaintext(values map[string]string) []string {
	protocols := map[string]string{}
	for pair := range strings.SplitSeq(values["listener.security.protocol.map"], ",") {
		if name, p, ok := strings.Cut(strings.TrimSpace(pair), ":"); ok {
			protocols[name] = p
		}
	}
	var open []string
	for l := range strings.SplitSeq(values["listeners"], ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(l), "://")
		if !ok {
			continue
		}
		p, known := protocols[name]
		if !known {
			p = name
		}
		host, _, err := net.SplitHostPort(addr)
		if strings.HasSuffix(p, "PLAINTEXT") && (err != nil || !loopback(host)) {
			open = append(open, l)
		}
	}
	return open
}
