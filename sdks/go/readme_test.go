package signet

import (
	"os"
	"strings"
	"testing"
)

// The programs of README.md are those of examples/, which run against a server.
func TestReadmeHasTheExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"guard", "release"} {
		text, err := os.ReadFile("examples/" + name + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		_, program, _ := strings.Cut(string(text), "\npackage main")
		if !strings.Contains(string(readme), "```go\npackage main"+program+"```\n") {
			t.Errorf("README.md has another program than examples/%s/main.go", name)
		}
	}
}
