package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// string reads a string, and returns what it says if it is asked for.
func (s *scanner) string(isWanted bool) (string, error) {
	s.pos++
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] != '"' && s.text[s.pos] != '\\' && s.text[s.pos] >= 0x20 {
		s.pos++
	}
	if s.peek() == '"' {
		s.pos++
		if isWanted {
			return string(s.text[start : s.pos-1]), nil
		}
		return "", nil
	}
	said := append([]byte(nil), s.text[start:s.pos]...)
	for {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return string(said), nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			if isWanted {
				said = append(said, string(r)...)
			}
		case c < 0x20:
			return "", s.flaw("a string that does not end, or has a control character,")
		default:
			if isWanted {
				said = append(said, c)
			}
			s.pos++
		}
	}
}

// escape reads an escape, and both halves of a surrogate pair.
func (s *scanner) escape() (rune, error) {
	s.pos++
	c := s.peek()
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		first, isHex := s.hex()
		if isHex && !utf16.IsSurrogate(first) {
			return first, nil
		}
		if isHex && s.literal(`\u`) {
			if second, isHex := s.hex(); isHex {
				// The replacement character, unless they are a pair.
				if r := utf16.DecodeRune(first, second); r >= 0x10000 {
					return r, nil
				}
			}
		}
		return 0, s.flaw("a broken escape, or half of a surrogate pair,")
	}
	return 0, s.flaw("a broken escape")
}

func (s *scanner) hex() (rune, bool) {
	if len(s.text)-s.pos < 4 {
		return 0, false
	}
	var unit rune
	for _, c := range s.text[s.pos : s.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	s.pos += 4
	return unit, true
}

// number reads a number by the grammar of RFC 8259, section 6.
func (s *scanner) number() error {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.flaw("a broken number")
	}
	isInteger := true
	if s.peek() == '.' {
		isInteger = false
		s.pos++
		if !s.digits() {
			return s.flaw("a broken number")
		}
	}
	if s.peek()|0x20 == 'e' {
		isInteger = false
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.flaw("a broken number")
		}
	}
	literal := string(s.text[start:s.pos])
	if s.lenient || (isInteger && len(literal) <= alwaysExact) {
		return nil
	}
	return s.exact(literal, isInteger)
}

// alwaysExact is a length of integers, below which they are below 2^53.
const alwaysExact = 15

// exact refuses a number that a double loses: one that overflows, one that would become 0, an integer whose digits are lost.
func (s *scanner) exact(literal string, isInteger bool) error {
	value, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return s.flaw("a number that is too large for a double")
	}
	digits := significant(literal)
	if value == 0 && digits != "" {
		return s.flaw("a number so small that it would become 0")
	}
	if isInteger && digits != significant(strconv.FormatFloat(value, 'e', -1, 64)) {
		return s.flaw("an integer that a double cannot hold")
	}
	return nil
}

// significant returns the digits without sign, point, exponent, and the zeros at both ends.
func significant(literal string) string {
	if at := strings.IndexAny(literal, "eE"); at >= 0 {
		literal = literal[:at]
	}
	return strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(literal), "0")
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}
