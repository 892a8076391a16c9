// Package signet enforces and publishes the policies of a Signet server.
//
// A runtime follows one environment. It proves what it has: who wrote it, that it is the newest, and that it is still in force
// (docs/trust.md of Signet, levels 0 to 2). It keeps that in files for the next start, and reports what the program applied:
//
//	runtime, err := signet.Open(ctx, signet.Config{
//		URL:        "https://signet.example.com",
//		Token:      os.Getenv("SIGNET_TOKEN"),
//		Root:       root, // of `signet trust init`, out of the program's own configuration
//		Identity:   signet.Identity{OrgID: orgID, ProjectID: projectID, Environment: "prod"},
//		InstanceID: hostname,
//		CacheDir:   "/var/lib/checkout/signet",
//	})
//	if err != nil {
//		return err // the configuration is wrong: the network never is the reason
//	}
//	defer runtime.Close()
//	if _, err := runtime.WaitReady(ctx); err != nil {
//		return err
//	}
//	limits := runtime.Current() // for each request: no lock, no allocation
//
// The package uses the standard library alone.
package signet
