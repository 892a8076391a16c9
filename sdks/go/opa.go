package signet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	maxOPAFiles = 10_000
	maxOPABytes = 16 << 20
)

// OPAOptions say what a folder's .manifest says otherwise.
type OPAOptions struct {
	// Roots are the paths of data that the policies own. Default: those of .manifest, else all of data.
	Roots []string
	// RegoVersion is 0 or 1. Default: that of .manifest, else 1.
	RegoVersion *int
	// IgnoreTests leaves *_test.rego out.
	IgnoreTests bool
}

// OPAFolder reads the policies of a folder for PublishRequest with MediaTypeOPA: *.rego, data.json and data.yaml under their paths. Hidden
// files are skipped, and so is what is no policy, such as README.md. What looks like policies or data under a name that OPA would not read
// is an error, and so is a symbolic link: to leave it out would publish other policies than are there.
func OPAFolder(folder fs.FS, options OPAOptions) (json.RawMessage, error) {
	policies := struct {
		Files       map[string]string `json:"files"`
		Roots       any               `json:"roots"`
		RegoVersion any               `json:"rego_version"`
	}{map[string]string{}, []string{""}, 1}
	left := int64(maxOPABytes)
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		isHidden := strings.HasPrefix(entry.Name(), ".") && name != "."
		switch {
		case name == ".manifest":
			return readManifest(folder, &policies.Roots, &policies.RegoVersion)
		case isHidden && entry.IsDir():
			return fs.SkipDir
		case isHidden || entry.IsDir():
			return nil
		}
		isFile, problem := opaRole(name, options.IgnoreTests)
		switch {
		case problem != "":
			return fmt.Errorf("signet: %s %s", name, problem)
		case !isFile:
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("signet: %s is no regular file: put the file itself there", name)
		}
		text, err := readFile(folder, name, left)
		if err != nil {
			return err
		}
		if !utf8.Valid(text) {
			return fmt.Errorf("signet: %s is not UTF-8", name)
		}
		left -= int64(len(text))
		policies.Files[name] = string(text)
		if len(policies.Files) > maxOPAFiles {
			return fmt.Errorf("signet: there are more than %d files of policies", maxOPAFiles)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(policies.Files) == 0 {
		return nil, errors.New("signet: the folder has no *.rego, data.json or data.yaml")
	}
	if options.Roots != nil {
		policies.Roots = options.Roots
	}
	if options.RegoVersion != nil {
		policies.RegoVersion = *options.RegoVersion
	}
	return Policies(policies)
}

// opaRole tells whether a file is one of the policies, or what is wrong with it.
func opaRole(name string, ignoreTests bool) (isFile bool, problem string) {
	base := path.Base(name)
	if ignoreTests && strings.HasSuffix(base, "_test.rego") {
		return false, ""
	}
	if strings.HasSuffix(base, ".rego") || base == "data.json" || base == "data.yaml" {
		return true, ""
	}
	if base == "data.yml" {
		return false, "is data that OPA would not read: name it data.yaml"
	}
	switch strings.ToLower(path.Ext(base)) {
	case ".json", ".yaml", ".yml":
		return false, "is no file that OPA reads: name it data.json or data.yaml, in a folder of its own, or remove it"
	case ".wasm", ".pb", ".manifest", ".rego":
		return false, "cannot be published: only *.rego and data"
	}
	return false, ""
}

func readManifest(folder fs.FS, roots, regoVersion *any) error {
	text, err := readFile(folder, ".manifest", 1<<20)
	if err != nil {
		return err
	}
	var manifest struct {
		Roots       any            `json:"roots"`
		RegoVersion any            `json:"rego_version"`
		Versions    map[string]any `json:"file_rego_versions"`
		Wasm        []any          `json:"wasm"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&manifest); err != nil {
		return fmt.Errorf("signet: .manifest: %w", err)
	}
	switch {
	case len(manifest.Versions) > 0:
		return errors.New("signet: .manifest has file_rego_versions: one version of Rego must be that of all files")
	case len(manifest.Wasm) > 0:
		return errors.New("signet: .manifest has WebAssembly, which cannot be published")
	}
	if manifest.Roots != nil {
		*roots = manifest.Roots
	}
	if manifest.RegoVersion != nil {
		*regoVersion = manifest.RegoVersion
	}
	return nil
}

// readFile reads at most max bytes: the size that a file says of itself is not trusted.
func readFile(folder fs.FS, name string, max int64) ([]byte, error) {
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(text)) > max {
		err = fmt.Errorf("signet: %s is too much: all files have at most %d bytes", name, maxOPABytes)
	}
	return text, err
}
