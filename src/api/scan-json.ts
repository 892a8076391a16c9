import type { StrictJson, StrictJsonOptions } from "../bundle/strict-json.js";

/** scanStrictJson, which may go on elsewhere when the text is large. Rejects with what that throws. */
export type ScanJson = (text: string, options: StrictJsonOptions) => Promise<StrictJson>;
