import type { Kysely } from "kysely";
import { invalidField } from "../../../core/error.js";
import type { Schema } from "../../schema.js";

/** Prefixes that an actor may have had: a look-up of the index for each. */
const MAX_PREFIXES = 500;

/**
 * The prefixes of all tokens that have, or had, this prefix, id or name, and the text itself: not every actor is a token. Throws `invalid`
 * when they are more than 500.
 */
export async function prefixesOf(db: Kysely<Schema>, orgId: string, actor: string): Promise<readonly string[]> {
  const known = db.selectFrom("token_prefixes").where("org_id", "=", orgId);
  const named = await known
    .where("name", "=", actor)
    .select("prefix")
    .limit(MAX_PREFIXES + 1)
    .execute();
  const id = /^[1-9]\d{0,15}$/.test(actor) ? Number(actor) : 0;
  const numbered = await known
    .where("token_id", "=", id)
    .select("prefix")
    .limit(MAX_PREFIXES + 1)
    .execute();
  const owners = await known.where("prefix", "=", actor).select("token_id").limit(MAX_PREFIXES).execute();
  const prefixes = new Set([actor, ...[...named, ...numbered].map(({ prefix }) => prefix)]);
  for (const { token_id } of owners) {
    const others = await known
      .where("token_id", "=", token_id)
      .select("prefix")
      .limit(MAX_PREFIXES + 1)
      .execute();
    for (const { prefix } of others) prefixes.add(prefix);
  }
  if (prefixes.size <= MAX_PREFIXES + 1) return [...prefixes];
  const message = `tokens called so have had more than ${MAX_PREFIXES} prefixes: give a prefix, or narrow the time`;
  throw invalidField(["actor"], message, "too_many", "query");
}
