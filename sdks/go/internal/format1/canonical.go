// Package format1 prints the canonical JSON of the bundle document (docs/bundle-format.md): what Python prints with sort_keys, without white
// space, in ASCII.
package format1

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"signet.dev/signet/internal/strictjson"
)

// Append appends the canonical text of a value.
func Append(to []byte, value *strictjson.Value) []byte {
	switch value.Kind {
	case strictjson.Object:
		// By bytes of UTF-8, which is by code point.
		order := make([]int, len(value.Members))
		for i := range order {
			order[i] = i
		}
		sort.Slice(order, func(a, b int) bool { return value.Members[order[a]].Key < value.Members[order[b]].Key })
		to = append(to, '{')
		for i, at := range order {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(AppendString(to, value.Members[at].Key), ':')
			to = Append(to, &value.Members[at].Value)
		}
		return append(to, '}')
	case strictjson.Array:
		to = append(to, '[')
		for i := range value.Items {
			if i > 0 {
				to = append(to, ',')
			}
			to = Append(to, &value.Items[i])
		}
		return append(to, ']')
	case strictjson.String:
		return AppendString(to, value.Text)
	case strictjson.Number:
		return append(to, number(string(value.Raw))...)
	}
	return append(to, value.Raw...)
}

const hex = "0123456789abcdef"

// AppendString appends a string in ASCII.
func AppendString(to []byte, text string) []byte {
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r >= 0x20 && r < 0x7f:
			to = append(to, byte(r))
		case r == '\b':
			to = append(to, `\b`...)
		case r == '\f':
			to = append(to, `\f`...)
		case r == '\n':
			to = append(to, `\n`...)
		case r == '\r':
			to = append(to, `\r`...)
		case r == '\t':
			to = append(to, `\t`...)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			to = appendUnit(appendUnit(to, high), low)
		default:
			to = appendUnit(to, r)
		}
	}
	return append(to, '"')
}

func appendUnit(to []byte, unit rune) []byte {
	return append(to, '\\', 'u', hex[unit>>12&15], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}

// number prints a number by the kind of its literal: an integer keeps its digits, a float is printed like Python's repr.
func number(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		if literal == "-0" {
			return "0"
		}
		return literal
	}
	value, _ := strconv.ParseFloat(literal, 64)
	size := math.Abs(value)
	if size != 0 && (size < 1e-4 || size >= 1e16) {
		// The exponent has two digits at least here too.
		return strconv.FormatFloat(value, 'e', -1, 64)
	}
	plain := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	return plain
}
