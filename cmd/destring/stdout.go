package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"destring/relay/kafka"
)

// printer publishes the records of one topic to a writer instead of Kafka, one JSON record a line.
type printer struct {
	source kafka.Source
	topic  string
	out    io.Writer
}

// Run prints until the source ends (nil), fails, or ctx ends.
func (p *printer) Run(ctx context.Context) error {
	out := bufio.NewWriterSize(p.out, 1<<16)
	for {
		batch, err := p.source.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if batch.Topic == p.topic {
			if err := p.print(out, batch); err != nil {
				return err
			}
		}
		if err := p.source.Commit(batch.Position, nil); err != nil {
			return err
		}
	}
}

func (p *printer) print(out *bufio.Writer, batch kafka.Batch) error {
	records, err := kafka.Decode(batch)
	if err != nil {
		return err
	}
	for i := range records {
		out.Write(records[i].Value) // a failure stays with the writer and shows at Flush
		out.WriteByte('\n')
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}
