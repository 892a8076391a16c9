// Package strictjson reads JSON (RFC 8259) and refuses what two parsers could read differently: duplicate keys, half surrogate pairs,
// text that is not UTF-8, and numbers that a double loses.
package strictjson

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Kind is the type of a JSON value.
type Kind uint8

// The types of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is a parsed JSON value.
type Value struct {
	Kind Kind
	// Raw is the exact text of the value.
	Raw []byte
	// Text is what a string says; empty for everything else.
	Text string
	// Items are the values of an array.
	Items []Value
	// Members are those of an object, in their order; keys are unique.
	Members []Member
}

// Member is a key with its value.
type Member struct {
	Key   string
	Value Value
}

// Get returns the value of a key of an object, and nil where there is none.
func (v *Value) Get(key string) *Value {
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value
		}
	}
	return nil
}

// ErrNotStrict is what every error of this package is, by errors.Is.
var ErrNotStrict = errors.New("not strict JSON")

// Parse reads a whole text. Objects and arrays may be nested maxDepth deep.
func Parse(text []byte, maxDepth int) (Value, error) {
	s := scanner{text: text, maxDepth: maxDepth, build: true}
	return s.whole()
}

// Spans returns the texts of the members of an object. It refuses what Parse does, but for numbers: they may be of any size and precision.
func Spans(text []byte, maxDepth int) (map[string][]byte, error) {
	s := scanner{text: text, maxDepth: maxDepth, lenient: true}
	value, err := s.whole()
	if err != nil {
		return nil, err
	}
	if value.Kind != Object {
		return nil, fmt.Errorf("%w: not an object", ErrNotStrict)
	}
	spans := make(map[string][]byte, len(value.Members))
	for _, member := range value.Members {
		spans[member.Key] = member.Value.Raw
	}
	return spans, nil
}

// manyKeys is the size from which an object's keys are looked up in a map.
const manyKeys = 16

type scanner struct {
	text     []byte
	pos      int
	depth    int
	maxDepth int
	// build makes values; otherwise only the members of the outermost object are kept.
	build bool
	// lenient checks no numbers.
	lenient bool
}

func (s *scanner) whole() (Value, error) {
	if !utf8.Valid(s.text) {
		return Value{}, fmt.Errorf("%w: not UTF-8", ErrNotStrict)
	}
	s.space()
	value, err := s.value()
	if err != nil {
		return Value{}, err
	}
	s.space()
	if s.pos < len(s.text) {
		return Value{}, s.flaw("text after the value")
	}
	return value, nil
}

func (s *scanner) value() (Value, error) {
	start := s.pos
	var value Value
	var err error
	switch c := s.peek(); {
	case c == '{':
		value, err = s.object()
	case c == '[':
		value, err = s.array()
	case c == '"':
		value.Kind = String
		value.Text, err = s.string(s.build)
	case c == '-' || (c >= '0' && c <= '9'):
		value.Kind = Number
		err = s.number()
	case s.literal("true"), s.literal("false"):
		value.Kind = Bool
	case s.literal("null"):
	default:
		err = s.flaw("expected a value")
	}
	value.Raw = s.text[start:s.pos:s.pos]
	return value, err
}

func (s *scanner) object() (Value, error) {
	value := Value{Kind: Object}
	isKept := s.build || s.depth == 0
	var seen map[string]struct{}
	err := s.items('}', func() error {
		if s.peek() != '"' {
			return s.flaw("expected a key in double quotes")
		}
		key, err := s.string(true)
		if err != nil {
			return err
		}
		// As the server: JavaScript's objects have no such key.
		if key == "__proto__" {
			return s.flaw("the key __proto__")
		}
		if seen == nil && len(value.Members) == manyKeys {
			seen = make(map[string]struct{})
			for _, member := range value.Members {
				seen[member.Key] = struct{}{}
			}
		}
		_, isDouble := seen[key]
		if isDouble || (seen == nil && value.Get(key) != nil) {
			return s.flaw("a duplicate key")
		}
		if seen != nil {
			seen[key] = struct{}{}
		}
		s.space()
		if s.peek() != ':' {
			return s.flaw(`expected ":"`)
		}
		s.pos++
		s.space()
		member, err := s.value()
		if !isKept {
			member = Value{}
		}
		value.Members = append(value.Members, Member{key, member})
		return err
	})
	return value, err
}

func (s *scanner) array() (Value, error) {
	value := Value{Kind: Array}
	err := s.items(']', func() error {
		item, err := s.value()
		if s.build {
			value.Items = append(value.Items, item)
		}
		return err
	})
	return value, err
}

// items reads what stands between brackets, separated by commas.
func (s *scanner) items(end byte, item func() error) error {
	if s.depth >= s.maxDepth {
		return s.flaw("nested too deep")
	}
	s.depth++
	s.pos++
	s.space()
	if s.peek() != end {
		for {
			if err := item(); err != nil {
				return err
			}
			s.space()
			if s.peek() == end {
				break
			}
			if s.peek() != ',' {
				return s.flaw("expected a comma")
			}
			s.pos++
			s.space()
		}
	}
	s.pos++
	s.depth--
	return nil
}

func (s *scanner) literal(word string) bool {
	if len(s.text)-s.pos < len(word) || string(s.text[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return
		}
	}
}

// peek returns 0 at the end, which no text that is accepted has.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) flaw(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrNotStrict, what, s.pos)
}
