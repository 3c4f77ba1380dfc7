#!/bin/sh
# Prints the records of a topic of destring, each once, as JSON lines, with kcat:
#
#   consume.sh BROKERS [TOPIC] [more options of kcat]
#
# To follow the topic give -o end; without, it reads what is there and ends. Values hold no
# line feed and no tab, so a record is a line. Duplicates have the same ce_id.
set -eu
brokers=${1:?usage: consume.sh BROKERS [TOPIC] [options of kcat]}
topic=${2:-celery.logs.v1}
[ $# -gt 2 ] && shift 2 || { shift $#; set -- -o beginning -e; }

kcat -C -q -b "$brokers" -t "$topic" -f '%h\t%s\n' "$@" | awk -F '\t' '
  {
    id = $1; sub(/.*ce_id=/, "", id); sub(/,.*/, "", id)
    if (id in seen) next
    seen[id]; ids[++n] = id
    if (n > 100000) delete seen[ids[n - 100000]]   # what is remembered is bounded
    if (n > 100000) delete ids[n - 100000]
    print $2
    fflush()
  }'
