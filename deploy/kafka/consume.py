#!/usr/bin/env python3
"""Prints the records of a topic of destring, each once, as JSON lines.

    pip install kafka-python
    consume.py --brokers 127.0.0.1:9092 [--topic celery.logs.v1] [--group NAME] [--exit-after 5]

With a group it goes on where the group was; what it has printed is committed, so after a crash a
record may come again. Duplicates are dropped by ce_id, without parsing the value.
"""

import argparse
import collections
import json
import sys

from kafka import KafkaConsumer

REMEMBER = 100_000  # ids; a duplicate comes soon after its first copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", default="celery.logs.v1")
    parser.add_argument("--group", help="consumer group; none reads from the beginning and commits nothing")
    parser.add_argument("--exit-after", type=float, metavar="SECONDS", help="end when nothing came for so long")
    options = parser.parse_args()

    consumer = KafkaConsumer(
        options.topic,
        bootstrap_servers=options.brokers.split(","),
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=options.exit_after * 1000 if options.exit_after else float("inf"),
    )
    seen: collections.OrderedDict[bytes, None] = collections.OrderedDict()
    for record in consumer:
        headers = dict(record.headers)
        if not headers["destring-schema"].startswith(b"1."):
            sys.exit(f"schema {headers['destring-schema'].decode()}: this consumer knows 1.x")
        if headers["ce_id"] not in seen:
            seen[headers["ce_id"]] = None
            if len(seen) > REMEMBER:
                seen.popitem(last=False)
            event = json.loads(record.value)
            print(json.dumps(event, ensure_ascii=True), flush=True)
        if options.group:
            consumer.commit()
    consumer.close()


if __name__ == "__main__":
    main()
