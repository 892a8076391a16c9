import type { Names } from "../../../src/api/admission/guard.js";

/** For fixtures whose ids are no UUIDs: the caller's organization is called by its id, and no project is found. */
export const ID_NAMES: Names = {
  organizationId: async ({ orgId }, text) => (text === orgId ? orgId : undefined),
  projectId: async () => undefined,
};
