import type { Names } from "../../../src/api/admission/guard.js";

/** Finds nothing by a slug or a name. */
export const NO_NAMES: Names = { organizationId: async () => undefined, projectId: async () => undefined };
