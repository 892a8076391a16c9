package signet

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"signet.dev/signet/internal/strictjson"
	"signet.dev/signet/internal/trust"
)

// FileKind is what a file has, as the outputs of `signet agent` are called.
type FileKind string

const (
	// FileDocument is the signed document of format 1.
	FileDocument FileKind = "document"
	// FileContent is the exact text {"policies":…,"scope_policies":…}.
	FileContent FileKind = "content"
	// FilePolicies are the policies alone.
	FilePolicies FileKind = "policies"
)

// FileConfig says which file is followed.
type FileConfig struct {
	// Path is the file; it may be below a symbolic link that is swapped.
	Path string
	Kind FileKind
	// Keys are public keys in PEM, by which a FileDocument is verified: a program that can write the file still cannot write policies. Without
	// them, and for the other kinds, the file is as good as its directory.
	Keys []string
	// Identity is whose document it must be; what is empty is not compared.
	Identity Identity
	// Every is how often the file is looked at. Default: 1 s.
	Every time.Duration
	// OnUpdate is called with each new content, one after the other. What it returns is what Err returns until the next one.
	OnUpdate func(*Snapshot) error
	// Logger is told about what is read, and what cannot be. Default: none.
	Logger Logger
}

// File follows a file that `signet agent` writes. It asks no server, proves nothing about what is newest, and reports nothing: the agent
// does. Of its snapshots only Content (what the file has), Policies, ScopePolicies and Hash are there, and of a FileDocument Version.
type File struct {
	config  FileConfig
	max     int64
	current atomic.Pointer[Snapshot]
	cancel  context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	err     error
	readers *readers
	changed chan struct{}
	isOver  bool
	// seen is how the file was when it was read.
	seen fs.FileInfo
}

// OpenFile reads a file, and follows it until it is closed or the context ends. A file that is not there yet is waited for; one that is
// broken leaves current what was read before. The error is a *ConfigError.
func OpenFile(ctx context.Context, config FileConfig) (*File, error) {
	switch {
	case config.Path == "":
		return nil, &ConfigError{"Path", "the path of a file"}
	case config.Kind != FileDocument && config.Kind != FileContent && config.Kind != FilePolicies:
		return nil, &ConfigError{"Kind", "FileDocument, FileContent or FilePolicies"}
	case config.Kind != FileDocument && (len(config.Keys) > 0 || config.Identity != Identity{}):
		return nil, &ConfigError{"Keys and Identity", "left out: only a FileDocument is signed"}
	case config.Every < 0:
		return nil, &ConfigError{"Every", "above 0"}
	}
	for _, key := range config.Keys {
		if _, err := publicKey(key); err != nil {
			return nil, &ConfigError{"Keys", "Ed25519 public keys in PEM"}
		}
	}
	if config.Every == 0 {
		config.Every = time.Second
	}
	if config.Logger == nil {
		config.Logger = silent{}
	}
	ctx, cancel := context.WithCancel(ctx)
	// A document is the content, and what is said about it.
	f := &File{config: config, max: 2 * trust.MaxContentBytes, cancel: cancel, ended: make(chan struct{}), changed: make(chan struct{})}
	f.readers = newReaders(&f.mu)
	f.look()
	go f.follow(ctx)
	return f, nil
}

// Current is what was read last; nil before the file was there.
func (f *File) Current() *Snapshot { return f.current.Load() }

// Err is why the file as it is cannot be used, or what OnUpdate returned; nil when all is well.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// WaitReady returns what is current as soon as there is anything. It fails with ErrNotReady when the context ends before, and with ErrClosed.
func (f *File) WaitReady(ctx context.Context) (*Snapshot, error) {
	for {
		f.mu.Lock()
		changed, isOver, why := f.changed, f.isOver, f.err
		f.mu.Unlock()
		if current := f.Current(); current != nil {
			return current, nil
		}
		if isOver {
			return nil, ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if why == nil {
				return nil, fmt.Errorf("%w: %w", ErrNotReady, ctx.Err())
			}
			return nil, fmt.Errorf("%w: %w: %w", ErrNotReady, ctx.Err(), why)
		}
	}
}

// Updates is as that of a Runtime.
func (f *File) Updates(ctx context.Context) <-chan *Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers.add(ctx, f.Current())
}

// Close ends it, and waits until nothing of it runs any more. It must not be called from OnUpdate. The error is always nil.
func (f *File) Close() error {
	f.cancel()
	<-f.ended
	return nil
}

func (f *File) follow(ctx context.Context) {
	defer close(f.ended)
	for sleep(ctx, f.config.Every) {
		f.look()
	}
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.isOver = true
	f.readers.close()
	close(f.changed)
	f.changed = make(chan struct{})
}

// look reads the file if it is another one than before.
func (f *File) look() {
	info, err := os.Stat(f.config.Path)
	isSame := err == nil && f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size()
	if isSame {
		return
	}
	var snapshot *Snapshot
	if err == nil {
		snapshot, err = f.read()
	}
	f.mu.Lock()
	isNews := (err == nil) != (f.err == nil) || (err != nil && err.Error() != f.err.Error())
	f.seen, f.err = info, err
	before := f.Current()
	isNew := err == nil && (before == nil || before.Hash != snapshot.Hash || before.Version != snapshot.Version)
	if isNew {
		f.current.Store(snapshot)
		f.readers.tell(snapshot)
	}
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
	if err != nil {
		if isNews {
			f.config.Logger.Warn("signet: the file cannot be used", "path", f.config.Path, "error", err.Error())
		}
		return
	}
	if !isNew {
		return
	}
	f.config.Logger.Info("signet: policies changed", "path", f.config.Path, "hash", snapshot.Hash)
	if f.config.OnUpdate == nil {
		return
	}
	if err := f.config.OnUpdate(snapshot); err != nil {
		f.config.Logger.Error("signet: OnUpdate failed", "error", err.Error())
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
	}
}

func (f *File) read() (*Snapshot, error) {
	file, err := os.Open(f.config.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, f.max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > f.max {
		return nil, fmt.Errorf("signet: %s has more than %d bytes", f.config.Path, f.max)
	}
	switch f.config.Kind {
	case FileDocument:
		return f.document(text)
	case FileContent:
		policies, scopePolicies, err := splitContent(text)
		if err != nil {
			return nil, refusalOf(err)
		}
		return &Snapshot{
			Content: text, Policies: policies, ScopePolicies: scopePolicies, Hash: "sha256:" + trust.Digest(text),
		}, nil
	}
	if _, err := strictjson.Spans(text, maxContentDepth); err != nil {
		return nil, fmt.Errorf("signet: the policies: %w", err)
	}
	return &Snapshot{Content: text, Policies: text, Hash: "sha256:" + trust.Digest(text)}, nil
}

func (f *File) document(text []byte) (*Snapshot, error) {
	var document *Document
	if len(f.config.Keys) > 0 {
		verified, err := VerifyDocument(text, f.config.Keys, f.config.Identity)
		if err != nil {
			return nil, err
		}
		document = verified
	} else {
		parsed, err := parseDocument(text)
		if err != nil {
			return nil, err
		}
		if hash := "sha256:" + trust.Digest([]byte(parsed.content())); hash != parsed.PolicyHash {
			return nil, refuseDocument(ErrHash, "policy_hash is not the hash of the content")
		}
		if err := parsed.isOf(f.config.Identity); err != nil {
			return nil, err
		}
		document = &parsed.Document
	}
	return &Snapshot{
		Content: text, Policies: document.Policies, ScopePolicies: document.ScopePolicies, Hash: document.PolicyHash,
		Version: document.BundleVersion,
	}, nil
}

// PolicySource is where a program has its policies from: a Runtime or a File.
type PolicySource interface {
	Current() *Snapshot
	WaitReady(context.Context) (*Snapshot, error)
	Updates(context.Context) <-chan *Snapshot
	Close() error
}

var (
	_ PolicySource = (*Runtime)(nil)
	_ PolicySource = (*File)(nil)
)
