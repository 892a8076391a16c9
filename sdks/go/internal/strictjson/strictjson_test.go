package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseTakesWhatEveryParserReadsTheSame(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, ` null `, `true`, `"\ud83d\ude00"`, `"é\u00e9\n"`, `{"a":{"b":[1,-0,0.5,1e3,1.0]}}`, `9007199254740992`,
		`1000000000000000000000`, `{"a":1,"A":2}`,
	} {
		value, err := Parse([]byte(text), 8)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if string(value.Raw) != strings.TrimSpace(text) {
			t.Errorf("%s: raw is %s", text, value.Raw)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = `"` + strings.Repeat("k", i+1) + `":0`
	}
	for _, text := range []string{
		``, ` `, `{`, `{]`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `tru`, `"`, `"\x"`, `"\u12"`, "\"\n\"",
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"x":{"a":1,"a":2}}`, `{"__proto__":1}`, `"\ud800"`, `"\udc00\ud800"`, `"\ud800\u0041"`,
		`{"\ud800":1}`, "\"\xff\"", "\ufeff{}", `1e400`, `-1e400`, `1e-400`, `9007199254740993`, `{} {}`, `NaN`, `Infinity`,
		`[[[[[[[[[1]]]]]]]]]`, "{" + strings.Join(append(many, many[3]), ",") + "}",
	} {
		if _, err := Parse([]byte(text), 8); !errors.Is(err, ErrNotStrict) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestGetReturnsWhatIsThere(t *testing.T) {
	value, err := Parse([]byte(`{"a\n":"b\u00e9","n":null}`), 8)
	if err != nil {
		t.Fatal(err)
	}
	if got := value.Get("a\n"); got == nil || got.Text != "bé" {
		t.Errorf("%v", got)
	}
	if got := value.Get("n"); got == nil || got.Kind != Null {
		t.Errorf("%v", got)
	}
	if value.Get("x") != nil {
		t.Error("x is there")
	}
}

func TestSpansChecksNoNumbers(t *testing.T) {
	spans, err := Spans([]byte(` {"a": {"x":1e400,"y":9007199254740993} , "b":[1]} `), 8)
	if err != nil || string(spans["a"]) != `{"x":1e400,"y":9007199254740993}` || string(spans["b"]) != `[1]` || len(spans) != 2 {
		t.Errorf("%q, %v", spans, err)
	}
	for _, text := range []string{`{"a":1,"a":2}`, `[]`, `{"a":{"x":}}`, `{"a":[{"x":1,"x":1}]}`, `{"a":{"__proto__":1}}`, `{"a":"\ud800"}`, "\xef\xbb\xbf{}", `{"a":[[[[[[[[[]]]]]]]]]}`, `1`} {
		if _, err := Spans([]byte(text), 8); !errors.Is(err, ErrNotStrict) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is accepted is JSON for encoding/json too, and says the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\ud83d\ude00",null,true,-0.5e2]}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[[]]]]`, `1e400`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := Parse(text, 16)
		if err != nil {
			if !errors.Is(err, ErrNotStrict) {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted, and not JSON: %q", text)
		}
		if value.Kind == String {
			var said string
			if json.Unmarshal(text, &said) != nil || said != value.Text {
				t.Fatalf("%q is read as %q", text, value.Text)
			}
		}
		if value.Kind == Object {
			spans, err := Spans(text, 16)
			if err != nil || len(spans) != len(value.Members) {
				t.Fatalf("spans of %q: %v", text, err)
			}
		}
	})
}
