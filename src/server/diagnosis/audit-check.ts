import { fine, problem, warning, type Finding } from "../../core/finding.js";
import { verifyChain } from "../../service/audit/audit-verify.js";
import type { Check } from "./check.js";

/** Events of one organization that are verified unless all are. */
const NEWEST = 500;
/** Time for the chains of all organizations, and with `full`. */
const QUICK_MS = 10_000;
const FULL_MS = 1_800_000;
const PAGE = 100;

/** Whether the audit of each organization is whole and signed. */
export const AUDIT: Check = {
  id: "audit-chain",
  async run({ read, ring, full }) {
    const deadlineMs = performance.now() + (full ? FULL_MS : QUICK_MS);
    const broken: Finding[] = [];
    let organizations = 0;
    let events = 0;
    for (let offset = 0; ; offset += PAGE) {
      const { rows } = await read.organizations({ limit: PAGE, offset });
      if (rows.length === 0) break;
      for (const { id, slug } of rows) {
        if (performance.now() > deadlineMs) {
          const late = `only the audit of ${organizations} organizations was verified in time`;
          return [...broken, warning("audit-chain", late, "run signet audit verify for the others")];
        }
        const { valid, checked, firstBroken, reason } = await verifyChain(read, ring, id, full ? undefined : NEWEST);
        organizations += 1;
        events += checked;
        if (valid) continue;
        const text = `the audit of ${slug} is broken at event ${firstBroken ?? 0}: ${reason ?? "unknown"}`;
        broken.push(problem("audit-chain", text, "see docs/audit.md, and compare with a backup and kept heads"));
      }
    }
    if (broken.length > 0) return broken;
    const what = full ? "all" : "the newest";
    return [fine("audit-chain", `${what} ${events} events of ${organizations} organizations are linked and signed`)];
  },
};
