import type { Principal } from "../../core/token.js";
import { rateLimited } from "./authenticator.js";
import { RateTable } from "./admission-rates.js";

/** What one instance may report in a minute: one of a fleet that shares a token takes nothing from the others. */
const REPORTS_PER_MINUTE = 60;

/** How many instances are remembered; one that was forgotten starts afresh. */
const MAX_INSTANCES = 50_000;

/** The budget of each instance for its reports; admission counts them for the token. */
export class ReportBudget {
  readonly #instances = new RateTable(REPORTS_PER_MINUTE, MAX_INSTANCES);

  /** @param isOn as the rate limit */
  constructor(private readonly isOn: boolean) {}

  /** Throws `rate_limited` when the instance has used it up. */
  async count({ tokenId }: Principal, instanceId: string): Promise<void> {
    if (!this.isOn) return;
    const { exceeded, state } = await this.#instances.count(`${tokenId} ${instanceId.slice(0, 256)}`);
    if (exceeded) throw rateLimited(state, "too many reports of this instance", "too_many_reports");
  }
}
