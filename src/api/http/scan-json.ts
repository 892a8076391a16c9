import type { StrictJson, StrictJsonOptions } from "../../bundle/strict-json.js";
import type { WorkOwner } from "../../core/schedule/fair-scheduler.js";

/** scanStrictJson, in another thread when the text is large. Rejects with what that throws. */
export type ScanJson = (text: string, options: StrictJsonOptions) => Promise<StrictJson>;

/** The scan for an owner: the threads are fair by owner. Null for requests without a token, which are small. */
export type ScanJsonFor = (owner: WorkOwner | null) => ScanJson;
