package sse

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestEvents(t *testing.T) {
	stream := ": comment\n\nevent: activation\r\nid: 1\r\ndata: {\"a\":1}\r\n\r\ndata:x\ndata: y\n\nevent: nothing\n\n" +
		"event: error\nretry: 1500\ndata: {}\n\ndata: cut off"
	reader := NewReader(iotest.OneByteReader(strings.NewReader(stream)), 1000)
	for _, wanted := range []Event{
		{"activation", []byte(`{"a":1}`), 0}, {"message", []byte("x\ny"), 0}, {"error", []byte("{}"), 1500 * time.Millisecond},
	} {
		event, err := reader.Next()
		if err != nil || event.Name != wanted.Name || string(event.Data) != string(wanted.Data) || event.Retry != wanted.Retry {
			t.Fatalf("%+v, %v", event, err)
		}
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

func TestLongEventsAreRefused(t *testing.T) {
	for _, stream := range []string{
		"data: " + strings.Repeat("x", 2000) + "\n\n", strings.Repeat("data: xxxxxxxxxxxxxxxx\n", 100) + "\n", ":" + strings.Repeat("x", 2000),
	} {
		if _, err := NewReader(strings.NewReader(stream), 1000).Next(); !errors.Is(err, ErrTooLong) {
			t.Errorf("%.20q: %v", stream, err)
		}
	}
}

// How a stream is cut into pieces changes nothing.
func FuzzReader(f *testing.F) {
	f.Add("event: a\ndata: 1\n\ndata: 2\r\n\r\n")
	f.Fuzz(func(t *testing.T, stream string) {
		one, other := NewReader(strings.NewReader(stream), 100), NewReader(iotest.OneByteReader(strings.NewReader(stream)), 100)
		for {
			event, err := one.Next()
			again, errAgain := other.Next()
			if (err == nil) != (errAgain == nil) || event.Name != again.Name || string(event.Data) != string(again.Data) {
				t.Fatalf("%q: %+v %v, %+v %v", stream, event, err, again, errAgain)
			}
			if err != nil {
				return
			}
		}
	})
}
