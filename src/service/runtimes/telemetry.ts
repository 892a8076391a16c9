import type { DocumentOwner } from "../documents/document-workers.js";
import type { Documents } from "../documents/documents.js";

/** Counts telemetry events; they are not stored. */
export class Telemetry {
  #total = 0;

  constructor(private readonly documents: Documents) {}

  /** Counts the events of a JSON text. Throws as countEvents. */
  async count(owner: DocumentOwner, events: string | null): Promise<number> {
    if (events === null) return 0;
    const count = await this.documents.countEvents(owner, events);
    this.#total += count;
    return count;
  }

  /** How many were counted since the server started. */
  get total(): number {
    return this.#total;
  }
}
