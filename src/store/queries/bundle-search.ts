import { sql, type Expression, type ExpressionBuilder, type Kysely, type SqlBool } from "kysely";
import type { BundleFilter, BundleState } from "../../core/bundle.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Schema } from "../schema.js";
import type { Reader } from "../store.js";
import { stateOf, statesOf } from "./bundles.js";
import { boundedPage } from "./paging.js";

/** Versions that one search looks at: a text needs no index, and a search costs the same however many versions there are. */
const MAX_LOOKED = 10_000;

/** Versions that one statement looks at: some milliseconds, and other calls run in between. */
const STEP = 500;

/** Digits of a hash from which on a text is taken for the start of one: shorter ones would match by chance. */
const MIN_HASH_DIGITS = 6;

/** Searches of bundles, and what is told beside a list of them. */
export function bundleSearcher(db: Kysely<Schema>) {
  /** The lowest of the next `count` versions below `below`; null when there are not so many. */
  const endOfStep = async (environmentId: string, below: number, count: number) => {
    const row = await db
      .selectFrom("bundles")
      .select("version")
      .where("environment_id", "=", environmentId)
      .where("version", "<", below)
      .orderBy("version", "desc")
      .limit(1)
      .offset(count - 1)
      .executeTakeFirst();
    return row?.version ?? null;
  };
  return {
    async findBundles(environmentId, filter, limit, beforeVersion) {
      let below = beforeVersion ?? Number.MAX_SAFE_INTEGER;
      let looked = 0;
      let given = 0;
      let isAtEnd = false;
      const rows = await boundedPage<BundleState>(limit, async (count, before) => {
        below = before.at(-1)?.bundle.version ?? below;
        const found: BundleState[] = [];
        while (found.length < count && looked < MAX_LOOKED && !isAtEnd) {
          const end = await endOfStep(environmentId, below, STEP);
          const step = await statesOf(db, environmentId)
            .where("bundles.version", "<", below)
            .where("bundles.version", ">=", end ?? 0)
            .where((eb) => eb.and(conditionsOf(eb, filter)))
            .orderBy("bundles.version", "desc")
            .limit(count - found.length)
            .execute();
          found.push(...step.map(stateOf));
          looked += STEP;
          if (found.length === count) break;
          isAtEnd = end === null;
          below = end ?? below;
          await nextTurn();
        }
        given = before.length + found.length;
        return found;
      });
      // A page that is full, or as large as one may be, goes on below its last row, and not below what was looked at.
      const isFull = rows.length === limit || rows.length < given;
      const lowest = isFull ? (rows.at(-1)?.bundle.version ?? below) : below;
      const hasMore = (isFull || !isAtEnd) && (await endOfStep(environmentId, lowest, 1)) !== null;
      return { rows, next: hasMore ? lowest : null };
    },

    async hasVersionBelow(environmentId, version) {
      return (await endOfStep(environmentId, version, 1)) !== null;
    },

    async activationPeriods(environmentId, sequences) {
      if (sequences.length === 0) return new Map();
      const rows = await db
        .selectFrom("deployments as own")
        .select((eb) => [
          "own.sequence",
          "own.at",
          eb
            .selectFrom("deployments as next")
            .select("next.at")
            .whereRef("next.environment_id", "=", "own.environment_id")
            .whereRef("next.sequence", ">", "own.sequence")
            .orderBy("next.sequence")
            .limit(1)
            .as("replaced_at"),
        ])
        .where("own.environment_id", "=", environmentId)
        .where("own.sequence", "in", sequences)
        .execute();
      return new Map(rows.map((row) => [row.sequence, { activatedAt: row.at, replacedAt: row.replaced_at }]));
    },
  } satisfies Partial<Reader>;
}

function conditionsOf(eb: ExpressionBuilder<Schema, "bundles">, filter: BundleFilter): Expression<SqlBool>[] {
  const { text, label, publishedBy, sourceRevision, mediaType } = filter;
  const conditions: Expression<SqlBool>[] = [];
  if (text !== undefined) conditions.push(eb.or(textConditions(text)));
  if (mediaType !== undefined) conditions.push(eb("bundles.media_type", "=", mediaType));
  if (publishedBy !== undefined) conditions.push(contains("published_by", publishedBy));
  if (label !== undefined) {
    // Quotes within keys and values are escaped in the JSON text, so that a member begins nowhere else than after `{` or `,`.
    const member = `${JSON.stringify(label.key)}:${JSON.stringify(label.value)}`;
    conditions.push(eb.or([hasExactly("labels", `{${member}`), hasExactly("labels", `,${member}`)]));
  }
  if (sourceRevision !== undefined) {
    const start = `"revision":${unclosed(sourceRevision)}`;
    conditions.push(eb.or([hasExactly("source", `{${start}`), hasExactly("source", `,${start}`)]));
  }
  return conditions;
}

function textConditions(text: string): Expression<SqlBool>[] {
  // In JSON a text is found as it is written there.
  const written = unclosed(text).slice(1);
  const conditions = [
    contains("title", text),
    contains("description", text),
    contains("published_by", text),
    contains("labels", written),
    contains("source", written),
  ];
  const digits = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
  if (digits !== undefined && digits.length >= MIN_HASH_DIGITS) {
    const [first, after] = [`sha256:${digits}`, `sha256:${digits}g`];
    conditions.push(sql<SqlBool>`(bundles.policy_hash >= ${first} and bundles.policy_hash < ${after})`);
  }
  return conditions;
}

/** The start of a JSON string that begins with the text. */
function unclosed(text: string): string {
  return JSON.stringify(text).slice(0, -1);
}

type TextColumn = "title" | "description" | "published_by" | "labels" | "source";

/** Whether a column has the text; ASCII letters match in either case, in every database: `lower` of the collation "C" knows no others. */
function contains(column: TextColumn, text: string): Expression<SqlBool> {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const lowered = sql`lower(${sql.ref(`bundles.${column}`)})`;
  return sql<SqlBool>`coalesce(replace(${lowered}, ${lower}, '') <> ${lowered}, false)`;
}

/** `replace` compares exactly in every database, unlike `like`. */
function hasExactly(column: TextColumn, text: string): Expression<SqlBool> {
  const own = sql.ref(`bundles.${column}`);
  return sql<SqlBool>`coalesce(replace(${own}, ${text}, '') <> ${own}, false)`;
}
