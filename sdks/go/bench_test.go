package signet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet.dev/signet/internal/trust"
)

// What a runtime does for each lease, and for each activation.
func BenchmarkVerify(b *testing.B) {
	server := startFake(b)
	for _, size := range []int{4 << 10, 1 << 20} {
		server.publish(fmt.Sprintf(`{"policies":{"padding":"%s"},"scope_policies":{}}`, strings.Repeat("x", size)))
		server.mu.Lock()
		update := &pushed{watch: &watch{}, attestation: server.attestation(false), content: server.content}
		server.mu.Unlock()
		root, err := trust.PinnedRoot(server.roots[0], trust.Identity(server.identity))
		if err != nil {
			b.Fatal(err)
		}
		empty, _ := trust.Restore(nil, root, nil, trust.Identity(server.identity))
		verify := func(from *trust.State) *trust.State {
			result, err := trust.Verify(context.Background(), from, update, time.Now(), trust.MaxContentBytes)
			if err != nil || result.Err != nil {
				b.Fatal(err, result.Err)
			}
			return result.State
		}
		b.Run(fmt.Sprintf("activation of %d KiB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				verify(empty)
			}
		})
		proven := verify(empty)
		b.Run(fmt.Sprintf("lease beside %d KiB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				verify(proven)
			}
		})
	}
}

// What a program does for each request.
func BenchmarkCurrent(b *testing.B) {
	server := startFake(b)
	server.publish(numbered(1))
	it := open(b, server.config())
	ready(b, it)
	b.ReportAllocs()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			if it.Current() == nil {
				b.Fail()
			}
		}
	})
}
