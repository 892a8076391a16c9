import { line } from "../../core/printable.js";
import {
  createStatusReporter,
  type ActivationEvent,
  type InstanceStatus,
  type KeySource,
  type RejectedEvent,
  type SignetClient,
  type SignetError,
  type StatusReporter,
  type WatchEvent,
} from "../../sdk/index.js";
import { VERSION } from "../../assets/version.js";
import type { Shell } from "../shell/shell.js";
import { writeFileAtomically } from "../shell/text-files.js";

/** The options of `signet watch` about its output. */
export interface SinkOptions {
  /** The pushes after which the sink is full. */
  readonly count?: number;
  /** The file that gets each verified document. */
  readonly out?: string;
  readonly instance: string;
  /** Whether the fleet view is told. */
  readonly report: boolean;
}

/** Writes the events of a watch to the terminal and to a file, and reports them to the fleet view. */
export class WatchSink {
  /** Pushes that were rejected. */
  rejected = 0;
  private pushes = 0;
  private readonly reporter: StatusReporter | null;

  constructor(
    private readonly shell: Shell,
    client: SignetClient,
    private readonly options: SinkOptions,
    keys: KeySource,
  ) {
    const { signal } = shell.io;
    const about = { instanceId: options.instance, agent: `signet-cli/${VERSION}`, keys, signal };
    // A failed report is no failure of the watch: the bundle is applied.
    const onFailure = ({ message }: SignetError, delayMs: number | null) => {
      const next = delayMs === null ? "" : `; retrying in ${delayMs} ms`;
      shell.notice(line`cannot report the status: ${message}${next}`);
    };
    this.reporter = options.report ? createStatusReporter(client, { ...about, onFailure }) : null;
  }

  /** Whether `count` pushes came. */
  get isFull(): boolean {
    return this.pushes === this.options.count;
  }

  /** Resolves when the last report was delivered, refused or given up. */
  async settled(): Promise<void> {
    await this.reporter?.settled();
  }

  /** Rejects when the document cannot be written: it must not be reported as applied. */
  async take(event: WatchEvent): Promise<void> {
    switch (event.type) {
      case "activation":
        if (this.options.out !== undefined) await writeFileAtomically(this.options.out, event.activation.document);
        this.printActivation(event);
        if (event.from === "server") this.reportApplied(event);
        return;
      case "rejected":
        this.printRejected(event);
        if (event.from === "server") {
          const { sequence, deploymentId, reason, message } = event;
          this.pushed({ state: "rejected", sequence, deploymentId, reason: `${reason}: ${message}` });
        }
        return;
      case "connected":
        return this.shell.notice(`connected at sequence ${event.sequence}`);
      case "nothing_active":
        return this.shell.notice(event.historyLost ? "nothing is active any more" : "nothing is active yet");
      case "reconnecting":
        return this.shell.notice(`disconnected: ${event.error.message}; retrying in ${event.delayMs} ms`);
      case "cache_failed":
        return this.shell.notice(`the cache failed: ${String(event.error)}`);
      case "heartbeat":
        return;
    }
  }

  private reportApplied({ activation: { sequence, deploymentId } }: ActivationEvent): void {
    this.pushed({ state: "applied", sequence, deploymentId });
  }

  private printActivation({ activation, from, historyLost, ageMs }: ActivationEvent): void {
    const { sequence, version, kind, policyHash, activatedAt, deploymentId, reason, bundle } = activation;
    const latencyMs = Date.now() - activatedAt.getTime();
    if (historyLost)
      this.shell.notice("the server lost history: it does not have the activation that was applied before");
    if (ageMs !== null) {
      const age = `${Math.round(ageMs / 1000)} s`;
      this.shell.notice(
        `from the cache: confirmed by the server ${age} ago, and another bundle may be active now; --max-age sets a limit`,
      );
    }
    this.shell.answer(
      () =>
        JSON.stringify({
          event: "activation",
          from,
          sequence,
          version,
          kind,
          reason,
          policy_hash: policyHash,
          deployment_id: deploymentId,
          activated_at: activatedAt.toISOString(),
          latency_ms: latencyMs,
          age_seconds: ageMs === null ? null : Math.round(ageMs / 1000),
          verified: true,
          key_id: bundle.keyId,
          history_lost: historyLost,
        }),
      () => {
        const facts = line`sequence=${sequence} version=${version} kind=${kind} hash=${policyHash} latency=${latencyMs}ms`;
        const why = reason === null ? "" : line` reason=${JSON.stringify(reason)}`;
        return `${facts}${why} ${line`verified key=${bundle.keyId}`}${from === "cache" ? " (from the cache)" : ""}\n`;
      },
    );
  }

  private printRejected({ sequence, version, policyHash, reason, message, from }: RejectedEvent): void {
    const facts = { from, sequence, version, policy_hash: policyHash, verified: false, reason, message };
    const text = line`sequence=${sequence} version=${version} hash=${policyHash} REJECTED ${reason}: ${message}`;
    this.shell.answer(
      () => JSON.stringify({ event: "rejected", ...facts }),
      () => `${text}\n`,
    );
  }

  private pushed(status: InstanceStatus): void {
    this.pushes += 1;
    if (status.state === "rejected") this.rejected += 1;
    this.reporter?.report(status);
  }
}
