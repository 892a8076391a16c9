import { addSeconds, instantOf } from "../../core/clock.js";
import { fine, warning, type Finding } from "../../core/finding.js";
import { printable } from "../../core/printable.js";
import { daysBetween, type Check, type DataSubject } from "./check.js";

const SOON_DAYS = 14;
const DAY_SECONDS = 86_400;
/** A runtime token that was used within this time is one that a runtime would miss. */
const IN_USE_DAYS = 7;
/** Findings of one kind that are told one by one. */
const MAX_TOLD = 10;
const MAX_BACKLOG_HOURS = 1;

/** Whether admin tokens, and runtime tokens in use, expire soon. */
export const TOKENS: Check<DataSubject> = {
  id: "tokens",
  async run({ read, clock }) {
    const now = clock.now();
    const at = instantOf(now);
    // No notice is ever given 0 days before: this asks for all of them.
    const expiring = await read.tokensExpiring(at, addSeconds(at, SOON_DAYS * DAY_SECONDS), 0);
    const findings: Finding[] = [];
    let others = 0;
    for (const { orgId, id } of expiring) {
      if (findings.length >= MAX_TOLD) {
        others += 1;
        continue;
      }
      const token = await read.token(orgId, id);
      if (token === null || token.expiresAt === null) continue;
      const isUsed = token.lastUsedAt !== null && daysBetween(new Date(token.lastUsedAt), now) <= IN_USE_DAYS;
      if (token.keyType !== "admin" && !(token.keyType === "runtime" && isUsed)) continue;
      const name = token.name === null ? token.keyPrefix : `${printable(token.name)} (${token.keyPrefix})`;
      const what = `the ${token.keyType} token ${name} expires in ${daysBetween(now, new Date(token.expiresAt)).toFixed(1)} days`;
      findings.push(warning("tokens", what, `rotate it: signet token rotate ${token.id}, and hand the new one over`));
    }
    if (others > 0) findings.push(warning("tokens", `${others} more tokens expire`, "signet token list shows them"));
    if (findings.length > 0) return findings;
    return [fine("tokens", `no admin token and no runtime token in use expires within ${SOON_DAYS} days`)];
  },
};

/** Whether webhooks get their events. URLs may hold secrets: they are not told. */
export const WEBHOOKS: Check<DataSubject> = {
  id: "webhooks",
  async run({ read, clock }) {
    const webhooks = await read.activeWebhooks();
    const failing = webhooks.filter(({ failingSince }) => failingSince !== null);
    const findings = failing.slice(0, MAX_TOLD).map(({ id, failingSince }) => {
      const text = `every delivery of the webhook ${id} has failed since ${failingSince ?? ""}`;
      return warning("webhooks", text, `see signet webhook deliveries ${id}, and mend the endpoint`);
    });
    if (failing.length > MAX_TOLD) {
      const text = `${failing.length - MAX_TOLD} more webhooks fail`;
      findings.push(warning("webhooks", text, "see signet webhook list"));
    }
    const { pending, oldestAt } = await read.webhookBacklog();
    const hours = oldestAt === null ? 0 : daysBetween(new Date(oldestAt), clock.now()) * 24;
    if (hours > MAX_BACKLOG_HOURS) {
      const text = `${pending} deliveries wait, the oldest for ${Math.round(hours)} hours`;
      findings.push(warning("webhooks", text, "see signet webhook deliveries: status and error of the last try"));
    }
    if (findings.length > 0) return findings;
    return [fine("webhooks", webhooks.length === 0 ? "there are none" : `${webhooks.length} get their events`)];
  },
};
