import { join } from "node:path";
import type { Relay } from "./relay.js";

/** What a shipped file leaves to its reader, as a test has it. */
export interface Site {
  readonly directory: string;
  readonly port: number;
  readonly nodes: readonly Relay[];
}

/** A shipped file, and the program that reads it. */
export interface Balancer {
  /** In packaging/. */
  readonly file: string;
  readonly program: string;
  /** Which of them has the certificate. */
  readonly tls: "balancer" | "node" | "none";
  /** Whether it asks the nodes for their health, so that it knows those without a database. */
  readonly probes: boolean;
  /** The text for this site: its ports, paths and few connections, and probes ten times as often. */
  adapt(shipped: string, site: Site): string;
  /** Arguments to run it in the foreground. */
  run(config: string, directory: string): readonly string[];
  /** Arguments to check the file alone. */
  check(config: string, directory: string): readonly string[];
}

const haproxy: Pick<Balancer, "program" | "probes" | "adapt" | "run" | "check"> = {
  program: "haproxy",
  probes: true,
  adapt: (shipped, site) =>
    withNodes(shipped, site)
      .replace(/bind :\d+/, `bind 127.0.0.1:${site.port}`)
      .replaceAll(/\/(?:etc|run)\/haproxy\//g, `${site.directory}/`)
      .replaceAll("inter 2s", "inter 200ms")
      .replace(/maxconn 50{3,}/, "maxconn 500")
      // Docker's name server.
      .replaceAll(" init-addr libc,none resolvers docker", "")
      .replace(/\n#[^\n]*\nresolvers docker[^]*/, "\n"),
  run: (config) => ["-db", "-f", config],
  check: (config) => ["-c", "-f", config],
};

const nginx: Balancer = {
  file: "balancer/nginx.conf",
  program: "nginx",
  tls: "balancer",
  probes: false,
  adapt: (shipped, site) => {
    const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const temporary = kinds.map((kind) => `    ${kind}_temp_path ${join(site.directory, kind)};\n`);
    const adapted = withNodes(shipped, site)
      .replace("listen 443", `listen 127.0.0.1:${site.port}`)
      .replaceAll("/etc/ssl/", `${site.directory}/`)
      .replace("rlimit_nofile 131072", "rlimit_nofile 1024")
      .replace("worker_connections 60000", "worker_connections 500")
      .replace("http {\n", `http {\n${temporary.join("")}`);
    return `daemon off;\npid ${join(site.directory, "nginx.pid")};\n${adapted}`;
  },
  run: (config, directory) => ["-e", "stderr", "-p", directory, "-c", config],
  check: (config, directory) => ["-t", "-e", "stderr", "-p", directory, "-c", config],
};

/** All of them. */
export const BALANCERS: readonly Balancer[] = [
  { ...haproxy, file: "balancer/haproxy.cfg", tls: "balancer" },
  { ...haproxy, file: "balancer/haproxy-tcp.cfg", tls: "node" },
  { ...haproxy, file: "compose/haproxy.cfg", tls: "none" },
  nginx,
];

/** Puts the relays in the place of 10.0.0.11 to 10.0.0.13, or node1 to node3. */
function withNodes(shipped: string, { nodes }: Site): string {
  return shipped.replaceAll(
    /(?:10\.0\.0\.1|node)([123]):\d+/g,
    (_, n: string) => `127.0.0.1:${nodes[Number(n) - 1]?.port}`,
  );
}
