import type { ActivationEvent, RejectedEvent } from "./watch-event.js";

/** Kinds of activation that may return to an older bundle. */
const GOES_BACK: readonly string[] = ["rollback", "activate"];

/**
 * Refuses an old bundle that is presented as a new one: `sequence`, `kind` and `bundle_version` are not signed, the time of publication
 * is. A publication or promotion must not be older than the newest bundle seen; a rollback or activation may be, and after a loss of
 * history the order starts anew. An attacker who controls the kind can therefore still return to an old bundle, but not unnoticed.
 */
export class PublishedOrder {
  #newestMs = -Infinity;

  /** Starts anew with the next bundle. */
  forget(): void {
    this.#newestMs = -Infinity;
  }

  /** The event itself, or a rejection. */
  check<E extends ActivationEvent | RejectedEvent>(event: E): E | RejectedEvent {
    if (event.type === "rejected") return event;
    const { activation, from, historyLost } = event;
    const { document, identityIsSigned } = activation.bundle;
    const publishedMs = identityIsSigned ? Date.parse(document.published_at) : NaN;
    // Unsigned or not a time: cannot be checked.
    if (Number.isNaN(publishedMs)) return event;
    if (historyLost) this.forget();
    if (publishedMs >= this.#newestMs) {
      this.#newestMs = publishedMs;
      return event;
    }
    if (GOES_BACK.includes(activation.kind)) return event;
    const { sequence, deploymentId, version, policyHash, kind } = activation;
    const newest = new Date(this.#newestMs).toISOString();
    const message = `presented as a new ${kind}, but published ${document.published_at}, before the newest one seen (${newest})`;
    return { type: "rejected", from, sequence, deploymentId, version, policyHash, reason: "rolled_back", message };
  }
}
