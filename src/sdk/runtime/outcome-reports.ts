import type { TrustError } from "../../bundle/trust/trust-error.js";
import type { InstanceStatus, StatusReporter } from "../status-reporter.js";
import type { CurrentPolicies } from "./runtime.js";
import type { About } from "./ways/rung.js";

/** Tells the fleet view what became of updates, each outcome once. */
export class OutcomeReports {
  #reported = "";

  /**
   * @param reporter null when nothing is reported
   * @param isApplied whether what was verified counts as applied; else the caller says so by `report`
   */
  constructor(
    private readonly reporter: StatusReporter | null,
    private readonly isApplied: boolean,
  ) {}

  /** What was verified is what the runtime has now. */
  verified(current: CurrentPolicies | null): void {
    if (current === null || !this.isApplied) return;
    const { sequence, deploymentId } = current;
    this.#once(`applied ${activationName(current)}`, { state: "applied", sequence, deploymentId });
  }

  /** An update was refused. */
  refused({ code, message }: TrustError, { sequence, deploymentId }: About): void {
    if (sequence === 0) return;
    const named = deploymentId === "" ? {} : { deploymentId };
    const status: InstanceStatus = { state: "rejected", sequence, ...named, reason: `${code}: ${message}` };
    this.#once(`rejected ${code} ${sequence} ${deploymentId}`, status);
  }

  /** What the caller says, each time. */
  report(status: InstanceStatus): void {
    this.#reported = "";
    this.reporter?.report(status);
  }

  #once(key: string, status: InstanceStatus): void {
    if (key === this.#reported) return;
    this.#reported = key;
    this.reporter?.report(status);
  }
}

/** Names an activation: an id alone may come again with something else. */
export function activationName({ deploymentId, sequence, hash }: CurrentPolicies): string {
  return `${deploymentId} ${sequence} ${hash}`;
}
