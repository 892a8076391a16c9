import { fine, problem, warning, type Finding } from "../../core/finding.js";
import { instantOf } from "../../core/clock.js";
import { formatBytes, line } from "../../core/printable.js";
import { liveNodes } from "../../service/nodes/live-nodes.js";
import type { PostgresFacts } from "../../store/examination/postgres-facts.js";
import type { Check, DataSubject } from "./check.js";

/** Between the clocks of database and node: instants of both are compared. */
const MAX_CLOCK_DIFFERENCE_MS = 1_000;
/** The listener asks for a sign of life every 10 s. */
const MIN_IDLE_MS = 15_000;
/** Above what one node holds besides its pool: store/postgres/connect.ts, docs/scale.md. */
const BESIDE_POOL = 4;
/** The log of changes is cut to 100,000 rows each minute. */
const MAX_CHANGES = 1_000_000;
const FAILOVER = "see docs/scale.md, “Failover”: synchronous_standby_names";

/** The database server: whether it is there and the primary, its clock and its connections. */
export const POSTGRES: Check<DataSubject> = {
  id: "database",
  async run({ shared, read, clock, config }) {
    if (shared === null) return [];
    const facts = await shared.facts();
    const name = `PostgreSQL ${facts.version}`;
    if (!facts.isPrimary)
      return [problem("database", `${name} is a standby`, "name the primary in SIGNET_DATABASE_URL")];
    const now = instantOf(clock.now());
    const live = (await liveNodes(read, now)).length;
    return [
      fine("database", `${name} answers and is the primary; no extensions are needed`),
      durability(facts),
      connections(facts, Math.max(1, live), config.databasePool),
      databaseClock(facts),
      changes(facts),
    ];
  },
};

/** One line whether an acknowledged change survives the loss of the primary. */
export function durability(facts: PostgresFacts): Finding {
  const id = "failover";
  const { synchronousCommit, synchronousStandbyNames: names, standbys } = facts;
  if (!facts.fsync || !facts.fullPageWrites) {
    const off = facts.fsync ? "full_page_writes" : "fsync";
    return problem(
      id,
      `a crash may damage the database and lose acknowledged changes: ${off} is off`,
      `set ${off} = on`,
    );
  }
  if (synchronousCommit === "off") {
    const text = "an acknowledged change does not survive a crash of the database: synchronous_commit is off";
    return problem(id, text, "set synchronous_commit = on for the role and the server");
  }
  if (names !== "" && synchronousCommit !== "local") {
    const synchronous = standbys.filter(({ syncState }) => syncState === "sync" || syncState === "quorum");
    const count =
      synchronous.length === 0
        ? line`${names}, which this role cannot see`
        : many(synchronous.length, "synchronous standby");
    const unless =
      synchronousCommit === "remote_write" ? ", unless the standby's machine fails too (remote_write)" : "";
    return fine(id, `an acknowledged change survives the loss of the primary${unless}: ${count}`);
  }
  if (standbys.length === 0) {
    const text =
      "whether an acknowledged change survives the loss of the primary is not known here: there is no standby that this role can see";
    return fine(id, text);
  }
  const why = names === "" ? "replication is asynchronous" : "synchronous_commit is local";
  const text = `an acknowledged change does not survive the loss of the primary: ${why} (${many(standbys.length, "standby")}, ${lagOf(facts)})`;
  return warning(id, text, FAILOVER);
}

function lagOf({ standbys }: PostgresFacts): string {
  const lags = standbys.flatMap(({ lagBytes }) => (lagBytes === null ? [] : [lagBytes]));
  if (lags.length === 0) return "lag unknown: grant pg_read_all_stats to the role";
  return `${formatBytes(Math.max(0, ...lags))} behind`;
}

function connections({ maxConnections, usedConnections }: PostgresFacts, nodes: number, poolSize: number): Finding {
  const id = "database-connections";
  const need = nodes * (poolSize + BESIDE_POOL);
  const text = `${many(nodes, "node")} may need ${need} connections; ${usedConnections} of ${maxConnections} are in use`;
  const remedy = "raise max_connections, lower SIGNET_DATABASE_POOL, or put PgBouncer between (docs/scale.md)";
  if (need > maxConnections) return problem(id, text, remedy);
  // One more while a rolling upgrade runs.
  if (need + poolSize + BESIDE_POOL > maxConnections || usedConnections >= maxConnections * 0.9)
    return warning(id, text, remedy);
  return fine(id, text);
}

function databaseClock({ clockAheadMs }: PostgresFacts): Finding {
  const id = "database-clock";
  if (Math.abs(clockAheadMs) <= MAX_CLOCK_DIFFERENCE_MS) return fine(id, "the database's clock and this node's agree");
  const text = `the database's clock is ${(Math.abs(clockAheadMs) / 1000).toFixed(1)} s ${clockAheadMs > 0 ? "ahead of" : "behind"} this node's`;
  return warning(id, text, "check both against the time of your network (timedatectl, chronyc tracking)");
}

function changes({ changesKept }: PostgresFacts): Finding {
  const id = "changes-of-nodes";
  const text = `the log of changes has ${changesKept} rows`;
  if (changesKept <= MAX_CHANGES) return fine(id, text);
  return warning(id, text, "nodes cut it each minute: look for errors of the database in their logs");
}

/** Whether changes are heard of at once. */
export const NOTIFICATIONS: Check<DataSubject> = {
  id: "notifications",
  async run({ shared, config }) {
    if (shared === null) return [];
    const id = "notifications";
    const ms = await shared.notifyRoundTrip();
    if (ms === null) {
      const text = "LISTEN hears nothing, so that changes of other nodes come within a second";
      const remedy =
        config.databaseDirectUrl !== null
          ? "SIGNET_DATABASE_DIRECT_URL must name the server itself, not a pooler"
          : "a pooler is in between: set SIGNET_DATABASE_DIRECT_URL to the server itself";
      return [warning(id, text, remedy)];
    }
    const { idleSessionTimeoutMs } = await shared.facts();
    if (idleSessionTimeoutMs > 0 && idleSessionTimeoutMs < MIN_IDLE_MS) {
      const text = `idle_session_timeout (${idleSessionTimeoutMs} ms) ends the connection that listens`;
      return [warning(id, text, "set it to 0 for the role: alter role … set idle_session_timeout = 0")];
    }
    return [fine(id, `a notification came after ${Math.ceil(ms)} ms`)];
  },
};

/** Whether the nodes are of one release, and all can do their work. */
export const NODES: Check<DataSubject> = {
  id: "nodes",
  async run({ shared, read, clock }) {
    if (shared === null) return [];
    const id = "nodes";
    const now = instantOf(clock.now());
    const live = await liveNodes(read, now);
    const findings: Finding[] = [];
    const differing = (what: string, values: readonly string[]) => {
      const all = [...new Set(values)];
      if (all.length < 2) return;
      findings.push(
        warning(
          id,
          line`the nodes have different ${what}: ${all.join(", ")}`,
          "end the rolling upgrade (docs/upgrade.md)",
        ),
      );
    };
    differing(
      "versions",
      live.map(({ version }) => version),
    );
    differing(
      "schemas",
      live.map(({ schema }) => schema),
    );
    for (const { name, problem: reason } of live) {
      if (reason !== null) findings.push(problem(id, line`${name}: ${reason}`, "see the log of that node"));
    }
    if (findings.length > 0) return findings;
    return [fine(id, live.length === 0 ? "none is up" : `${many(live.length, "node")} of one release`)];
  },
};

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
