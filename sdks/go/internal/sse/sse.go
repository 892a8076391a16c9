// Package sse reads server-sent events (HTML, section 9.2.6).
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// ErrTooLong is an event that is longer than the reader takes.
var ErrTooLong = errors.New("an event of the stream is too long")

// Event is one event. Lines of its data are joined by line feeds.
type Event struct {
	// Name is message for one without a name.
	Name string
	Data []byte
	// Retry is when the server asks to come back; 0 when it does not say.
	Retry time.Duration
}

// Reader reads events from a stream. Comments and other fields are skipped; an event that the stream cuts off is dropped.
type Reader struct {
	from *bufio.Reader
	max  int
}

// NewReader reads events of at most max bytes.
func NewReader(stream io.Reader, max int) *Reader {
	return &Reader{bufio.NewReaderSize(stream, 16<<10), max}
}

// Next returns the next event that has data; io.EOF at the end of the stream.
func (r *Reader) Next() (Event, error) {
	event := Event{Name: "message"}
	hasData := false
	size := 0
	for {
		line, err := r.line(r.max - size)
		if err != nil {
			return Event{}, err
		}
		size += len(line)
		if len(line) == 0 {
			if hasData {
				return event, nil
			}
			event = Event{Name: "message"}
			size = 0
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			event.Name = string(value)
		case "data":
			if hasData {
				event.Data = append(append(event.Data, '\n'), value...)
			} else {
				event.Data, hasData = value, true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				event.Retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// line returns the next line, which ends in LF or CR LF, in memory of its own.
func (r *Reader) line(max int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.from.ReadSlice('\n')
		if len(line)+len(part) > max+2 {
			return nil, ErrTooLong
		}
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return nil, err
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
	}
}
