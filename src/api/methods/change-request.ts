import type { HandlerContext } from "@connectrpc/connect";
import { invalidField } from "../../core/error.js";
import type { ChangeRequest } from "../../service/access/caller.js";
import { callOf } from "../admission/call.js";
import { plainEntityTag } from "../../core/http/conditional-request.js";

/**
 * The caller of a change, with the headers that publish, activate and promote take (api.md, "Bundles"). Throws `invalid` for an
 * If-Match that is not one quoted sequence, and an If-Unchanged that is not `skip`.
 */
export function changeRequestOf(context: HandlerContext, dryRun = false): ChangeRequest {
  return {
    principal: callOf(context).principal,
    idempotencyKey: context.requestHeader.get("idempotency-key"),
    ifSequence: sequenceOf(context.requestHeader.get("if-match")),
    skipUnchanged: isSkip(context.requestHeader.get("if-unchanged")),
    dryRun,
    signal: context.signal,
  };
}

function sequenceOf(ifMatch: string | null): number | null {
  if (ifMatch === null) return null;
  const digits = plainEntityTag(ifMatch);
  if (!/^(?:W\/)?".*"/.test(ifMatch.trim()) || !/^\d{1,10}$/.test(digits)) {
    throw invalidField(["if-match"], 'must be one quoted sequence, for example "7"', "value", "header");
  }
  return Number(digits);
}

function isSkip(ifUnchanged: string | null): boolean {
  if (ifUnchanged === null) return false;
  if (ifUnchanged.trim().toLowerCase() === "skip") return true;
  throw invalidField(["if-unchanged"], "must be skip", "value", "header");
}
