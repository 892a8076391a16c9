package trust

import (
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"signet.dev/signet/internal/strictjson"
)

// maxDepth is the nesting of signed payloads.
const maxDepth = 8

const maxIDLength = 100

// maxInteger is the largest integer that every language holds: 2^53 - 1.
const maxInteger = 1<<53 - 1

var (
	digestForm      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	environmentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	integerForm     = regexp.MustCompile(`^-?[0-9]+$`)
	timeForm        = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
)

// object gives typed access to an object of a signed payload. The first flaw is kept in err, and everything after it is empty. Unknown
// fields are ignored.
type object struct {
	value *strictjson.Value
	name  string
	err   *error
}

// payloadObject parses a payload whose signatures were verified: UTF-8, an object, no duplicate keys, integers only.
func payloadObject(payload []byte, name string) (object, error) {
	value, err := strictjson.Parse(payload, maxDepth)
	if err != nil {
		return object{}, refuse(Malformed, "%s: %v", name, err)
	}
	if value.Kind != strictjson.Object || !hasIntegersOnly(&value) {
		return object{}, refuse(Malformed, "%s must be an object without fractions and exponents", name)
	}
	var flaw error
	return object{&value, name, &flaw}, nil
}

func hasIntegersOnly(value *strictjson.Value) bool {
	if value.Kind == strictjson.Number {
		return integerForm.Match(value.Raw)
	}
	for i := range value.Items {
		if !hasIntegersOnly(&value.Items[i]) {
			return false
		}
	}
	for i := range value.Members {
		if !hasIntegersOnly(&value.Members[i].Value) {
			return false
		}
	}
	return true
}

func (o object) fail(field, wanted string) {
	if *o.err == nil {
		*o.err = refuse(Malformed, "%s.%s must be %s", o.name, field, wanted)
	}
}

func (o object) refuse(err *Error) {
	if *o.err == nil {
		*o.err = err
	}
}

// has tells whether a field is there and not null.
func (o object) has(field string) bool {
	value := o.value.Get(field)
	return value != nil && value.Kind != strictjson.Null
}

// text is a text of at most max characters, without control characters but line breaks and tabs.
func (o object) text(field string, max int) string {
	value := o.value.Get(field)
	if !isKind(value, strictjson.String) || !isText(value.Text, max) {
		o.fail(field, "a text of at most "+strconv.Itoa(max)+" characters")
		return ""
	}
	return value.Text
}

func (o object) matching(field string, form *regexp.Regexp) string {
	value := o.value.Get(field)
	if !isKind(value, strictjson.String) || !form.MatchString(value.Text) {
		o.fail(field, form.String())
		return ""
	}
	return value.Text
}

func (o object) optionalDigest(field string) string {
	if !o.has(field) {
		return ""
	}
	return o.matching(field, digestForm)
}

func (o object) integer(field string, min int64) int64 {
	value := o.value.Get(field)
	number := int64(0)
	isGood := isKind(value, strictjson.Number)
	if isGood {
		var err error
		number, err = strconv.ParseInt(string(value.Raw), 10, 64)
		isGood = err == nil && number >= min && number <= maxInteger
	}
	if !isGood {
		o.fail(field, "an integer from "+strconv.FormatInt(min, 10))
		return min
	}
	return number
}

func (o object) time(field string) time.Time {
	text := o.matching(field, timeForm)
	if *o.err != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	// Not every language has the year 0.
	if err != nil || at.Year() == 0 {
		o.fail(field, "a time that exists")
	}
	return at
}

func (o object) object(field string) object {
	value := o.value.Get(field)
	if !isKind(value, strictjson.Object) {
		o.fail(field, "an object")
		value = &strictjson.Value{Kind: strictjson.Object}
	}
	return object{value, o.name + "." + field, o.err}
}

// list is an array of at most max values.
func (o object) list(field string, max int) []strictjson.Value {
	value := o.value.Get(field)
	if !isKind(value, strictjson.Array) || len(value.Items) > max {
		o.fail(field, "a list of at most "+strconv.Itoa(max))
		return nil
	}
	return value.Items
}

// digests is a list of at most max digests.
func (o object) digests(field string, max int) []string {
	items := o.list(field, max)
	found := make([]string, 0, len(items))
	for _, item := range items {
		if item.Kind != strictjson.String || !digestForm.MatchString(item.Text) {
			o.fail(field, "a list of digests")
			return nil
		}
		found = append(found, item.Text)
	}
	return found
}

// texts is an object of at most maxItems texts by key.
func (o object) texts(field string, maxItems, maxKey, max int) map[string]string {
	inner := o.object(field)
	found := make(map[string]string, len(inner.value.Members))
	for _, member := range inner.value.Members {
		isGood := member.Key != "" && isText(member.Key, maxKey) &&
			member.Value.Kind == strictjson.String && isText(member.Value.Text, max)
		if !isGood || len(inner.value.Members) > maxItems {
			o.fail(field, "at most "+strconv.Itoa(maxItems)+" short texts")
			return nil
		}
		found[member.Key] = member.Value.Text
	}
	return found
}

func isText(text string, max int) bool {
	for _, r := range text {
		if (r < 0x20 && r != '\t' && r != '\n' && r != '\r') || r == 0x7f {
			return false
		}
	}
	return len(text) <= max || utf8.RuneCountInString(text) <= max
}
