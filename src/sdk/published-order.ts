import type { ActivationEvent, RejectedEvent } from "./watch-event.js";

/** Kinds of activation that may name a bundle from before. */
const GOES_BACK: readonly string[] = ["rollback", "activate"];

/**
 * Refuses an old bundle that comes as a new one: `sequence`, `kind` and `bundle_version` are not signed, when it was published is.
 * A publication or promotion must not be older than the newest that was held; a rollback or activation may be, and after a lost
 * history everything counts from there. So who can name a kind can still bring an old bundle back, openly.
 */
export class PublishedOrder {
  #newestMs = -Infinity;

  /** Everything counts from what comes next. */
  forget(): void {
    this.#newestMs = -Infinity;
  }

  /** The same event, or why it is refused. */
  check<E extends ActivationEvent | RejectedEvent>(event: E): E | RejectedEvent {
    if (event.type === "rejected") return event;
    const { activation, from, historyLost } = event;
    const { document, identityIsSigned } = activation.bundle;
    const publishedMs = identityIsSigned ? Date.parse(document.published_at) : NaN;
    // Unsigned, or not a time: nothing can be said of it.
    if (Number.isNaN(publishedMs)) return event;
    if (historyLost) this.forget();
    if (publishedMs >= this.#newestMs) {
      this.#newestMs = publishedMs;
      return event;
    }
    if (GOES_BACK.includes(activation.kind)) return event;
    const { sequence, deploymentId, version, policyHash, kind } = activation;
    const newest = new Date(this.#newestMs).toISOString();
    const message = `it comes as a new ${kind}, but was published ${document.published_at}, before one that was held (${newest})`;
    return { type: "rejected", from, sequence, deploymentId, version, policyHash, reason: "rolled_back", message };
  }
}
