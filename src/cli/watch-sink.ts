import type { ActivationEvent, RejectedEvent, SignetClient, WatchEvent } from "../sdk/index.js";
import { line } from "../core/printable.js";
import { VERSION } from "../version.js";
import type { Shell } from "./shell/shell.js";
import { writeFileAtomically } from "./shell/text-files.js";

export interface SinkOptions {
  readonly count?: number;
  readonly out?: string;
  readonly instance: string;
  readonly report: boolean;
}

/** Where the events of a watch go: to the terminal, to a file, and back to the fleet view. */
export class WatchSink {
  /** Pushes by the server that were not good. */
  rejected = 0;
  private pushes = 0;

  constructor(
    private readonly shell: Shell,
    private readonly client: SignetClient,
    private readonly options: SinkOptions,
  ) {}

  /** Whether there were as many pushes as were asked for. */
  get isFull(): boolean {
    return this.pushes === this.options.count;
  }

  /** Rejects when the document cannot be written: then it must not look applied. */
  async take(event: WatchEvent): Promise<void> {
    switch (event.type) {
      case "activation":
        if (this.options.out !== undefined) await writeFileAtomically(this.options.out, event.activation.document);
        this.printActivation(event);
        if (event.from === "server") await this.pushed("applied", event.activation.sequence);
        return;
      case "rejected":
        this.printRejected(event);
        if (event.from === "server") await this.pushed("rejected", event.sequence, `${event.reason}: ${event.message}`);
        return;
      case "connected":
        return this.shell.notice(`connected at sequence ${event.sequence}`);
      case "nothing_active":
        return this.shell.notice(event.historyLost ? "nothing is active any more" : "nothing is active yet");
      case "reconnecting":
        return this.shell.notice(`disconnected: ${event.error.message}; next try in ${event.delayMs} ms`);
      case "cache_failed":
        return this.shell.notice(`the cache does not work: ${String(event.error)}`);
      case "heartbeat":
        return;
    }
  }

  private printActivation({ activation, from, historyLost }: ActivationEvent): void {
    const { sequence, version, kind, policyHash, activatedAt, deploymentId, bundle } = activation;
    const latencyMs = Date.now() - activatedAt.getTime();
    if (historyLost) this.shell.notice("the server has lost its history: this sequence is lower than the one before");
    this.shell.answer(
      () =>
        JSON.stringify({
          event: "activation",
          from,
          sequence,
          version,
          kind,
          policy_hash: policyHash,
          deployment_id: deploymentId,
          activated_at: activatedAt.toISOString(),
          latency_ms: latencyMs,
          verified: true,
          key_id: bundle.keyId,
          history_lost: historyLost,
        }),
      () => {
        const facts = line`sequence=${sequence} version=${version} kind=${kind} hash=${policyHash} latency=${latencyMs}ms`;
        return `${facts} ${line`verified key=${bundle.keyId}`}${from === "cache" ? " (from the cache)" : ""}\n`;
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

  private async pushed(state: "applied" | "rejected", sequence: number, reason?: string): Promise<void> {
    this.pushes += 1;
    if (state === "rejected") this.rejected += 1;
    if (!this.options.report) return;
    const why = reason === undefined ? {} : { reason: reason.slice(0, 1000) };
    const status = { instanceId: this.options.instance, state, sequence, agent: `signet-cli/${VERSION}`, ...why };
    try {
      await this.client.runtimes.reportStatus(status);
    } catch (thrown) {
      // The bundle is in place all the same.
      this.shell.notice(
        `the status could not be reported: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
    }
  }
}
