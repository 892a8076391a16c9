// Command core evaluates a flag by flagd's own syncs, store and evaluator, as the daemon puts them together:
//
//	core http|grpc URL FLAG < token
//
// It prints a line whenever what it says of the flag changes: true, false, or "absent" after a set of flags without
// this flag. Before the first set it prints nothing. It ends with exit code 1 when the sync does, as the daemon does.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	grpcsync "github.com/open-feature/flagd/core/pkg/sync/grpc"
	httpsync "github.com/open-feature/flagd/core/pkg/sync/http"
	"github.com/robfig/cron"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// intervalSeconds is the shortest that the HTTP sync knows.
const intervalSeconds = 1

// bearer sends the token with every call. The daemon's configuration of this release has no setting for it; a program
// around its core sets it as a dial option.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

// RequireTransportSecurity is false because the server of the check is on this machine, without TLS.
func (bearer) RequireTransportSecurity() bool { return false }

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: core http|grpc URL FLAG < token")
	}
	token, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	log := logger.NewLogger(zap.NewNop(), false)
	source, name, err := open(args[0], args[1], strings.TrimSpace(token), log)
	if err != nil {
		return err
	}
	if err := source.Init(ctx); err != nil {
		return err
	}
	flags := store.NewFlags()
	flags.FlagSources = []string{name}
	sets := make(chan sync.DataSync)
	ended := make(chan error, 1)
	go func() { ended <- source.Sync(ctx, sets) }()
	json := evaluator.NewJSON(log, flags)
	shown := ""
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("the sync ended: %w", err)
		case set := <-sets:
			// One that is refused changes nothing, in the daemon too.
			if _, _, err := json.SetState(set); err != nil {
				fmt.Fprintln(os.Stderr, err)
				continue
			}
			said := `"absent"`
			if value, _, _, _, err := json.ResolveBooleanValue(ctx, "", args[2], nil); err == nil {
				said = fmt.Sprint(value)
			}
			if said != shown {
				shown = said
				fmt.Println(said)
			}
		}
	}
}

// open returns the sync of a server at address, set up as flagd's own builder does, and the name of its source.
func open(kind, address, token string, log *logger.Logger) (sync.ISync, string, error) {
	server, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	switch kind {
	case "http":
		uri := server.JoinPath("v1/policies/latest").String()
		return &httpsync.Sync{
			URI:        uri,
			Client:     &http.Client{Timeout: 10 * time.Second},
			Cron:       cron.New(),
			Logger:     log,
			AuthHeader: "Bearer " + token,
			Interval:   intervalSeconds,
		}, uri, nil
	case "grpc":
		return &grpcsync.Sync{
			URI:        server.Host,
			ProviderID: "flagd-core",
			Logger:     log,
			GrpcDialOptionsOverride: []grpc.DialOption{
				grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithPerRPCCredentials(bearer(token)),
			},
		}, server.Host, nil
	default:
		return nil, "", fmt.Errorf("no sync is called %q", kind)
	}
}
