import type { StrictJson, StrictJsonOptions } from "../../bundle/strict-json.js";
import type { WorkOwner } from "../../core/schedule/fair-scheduler.js";

/** scanStrictJson, which may go on elsewhere when the text is large. Rejects with what that throws. */
export type ScanJson = (text: string, options: StrictJsonOptions) => Promise<StrictJson>;

/** For whom: what goes on elsewhere takes turns with what others have. Null for what comes without a token, and is small. */
export type ScanJsonFor = (owner: WorkOwner | null) => ScanJson;
