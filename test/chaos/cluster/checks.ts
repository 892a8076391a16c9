import type { SignetClient } from "../../../src/sdk/index.js";
import type { Stage, Where } from "../work.js";
import { STAGES } from "../work.js";
import type { Timeline } from "./timeline.js";
import type { Credential, Push, Stream, Watcher } from "./watcher.js";
import type { Probe } from "./workload.js";

/** A node that reaches its database has so long to end what a token may not have any more. */
const REVOKED_MS = 3_000;
/** For what is measured here: this process, the nodes and the database share a few processors. */
const SLACK_MS = 1_000;

/** An activation as the database has it. */
export interface Activation {
  readonly sequence: number;
  readonly id: string;
  readonly policyHash: string;
}

/** What the database has in the end. */
export interface History {
  readonly activations: ReadonlyMap<Stage, readonly Activation[]>;
  /** The number in the audit of each activation, by its environment and sequence. */
  readonly activationNumbers: ReadonlyMap<string, number>;
  /** The numbers in the audit of the ends of tokens: by what happened and the token, in their order. */
  readonly tokenEndNumbers: ReadonlyMap<string, readonly number[]>;
  /** Numbers of the audit that are missing. */
  readonly missingNumbers: readonly number[];
}

/** Reads it, page by page. */
export async function readHistory(client: SignetClient, where: Where): Promise<History> {
  const activations = new Map<Stage, Activation[]>();
  for (const stage of STAGES) {
    const all: Activation[] = [];
    for (let more = true; more;) {
      const page = { ...where, envName: stage, limit: 100, offset: all.length };
      const { data } = await client.bundles.listDeployments(page);
      all.push(...data.map(({ sequence, id, policyHash }) => ({ sequence, id, policyHash })));
      more = data.length === 100;
    }
    activations.set(stage, all.reverse());
  }
  const activationNumbers = new Map<string, number>();
  const tokenEndNumbers = new Map<string, number[]>();
  const missingNumbers: number[] = [];
  let last = 0;
  for (let more = true; more;) {
    const { events } = await client.audit.listAuditEvents({ orgId: where.orgId, after: last, limit: 1000 });
    for (const { id, action, resourceId, metadata } of events) {
      for (let missing = last + 1; missing < id; missing += 1) missingNumbers.push(missing);
      last = id;
      const about = (metadata ?? {}) as { environment?: unknown; to_environment?: unknown; sequence?: unknown };
      if (action.startsWith("bundle.") && typeof about.sequence === "number") {
        activationNumbers.set(`${String(about.environment)} ${about.sequence}`, id);
      }
      if (action === "token.revoked" || action === "token.rotated") {
        const key = `${action} ${resourceId}`;
        tokenEndNumbers.set(key, [...(tokenEndNumbers.get(key) ?? []), id]);
      }
    }
    more = events.length === 1000;
  }
  return { activations, activationNumbers, tokenEndNumbers, missingNumbers };
}

/** What a stream brought that another one, or the database, contradicts. */
export function contradictions(watchers: readonly Watcher[], { activations }: History): string[] {
  const problems: string[] = [];
  const known = new Map<string, Pick<Activation, "id" | "policyHash">>();
  for (const [stage, all] of activations) for (const it of all) known.set(`${stage} ${it.sequence}`, it);
  for (const { stage, streams } of watchers) {
    for (const { pushes, node } of streams) {
      let last = 0;
      for (const { sequence, deploymentId, policyHash } of pushes) {
        if (sequence <= last) problems.push(`${node} pushed ${stage} ${sequence} after ${last}`);
        last = sequence;
        const kept = known.get(`${stage} ${sequence}`);
        if (kept?.id !== deploymentId || kept.policyHash !== policyHash) {
          problems.push(`${node} pushed ${stage} ${sequence} with another content than the database has`);
        }
      }
    }
  }
  return problems;
}

/** What the ends of tokens came to. */
export interface TokenReport {
  readonly ended: number;
  readonly openTooLong: string[];
  readonly servedTooLong: string[];
  /** Content that was committed after the end of the token it was served to. */
  readonly newContent: string[];
  /** How long a stream stayed open at most after the answer to the end of its token, on a node that reached its database. */
  readonly longestMs: number;
}

/** Looks at the streams and the answers of tokens after they ended. */
export function judgeTokens(
  watchers: readonly Watcher[],
  probes: readonly Probe[],
  timeline: Timeline,
  history: History,
): TokenReport {
  const limitMs = REVOKED_MS + SLACK_MS;
  const report = { ended: 0, openTooLong: [] as string[], servedTooLong: [] as string[], newContent: [] as string[] };
  let longestMs = 0;
  const credentials = new Set<Credential>();
  for (const { stage, streams } of watchers) {
    for (const stream of streams) {
      const { node, credential, openedAtMs, endedAtMs, pushes } = stream;
      if (credential.endedAtMs === Infinity) continue;
      credentials.add(credential);
      const from = Math.max(credential.endedAtMs, openedAtMs);
      if (endedAtMs > from) {
        const reachMs = timeline.longestReach(node, from, endedAtMs);
        longestMs = Math.max(longestMs, reachMs);
        if (reachMs > limitMs) report.openTooLong.push(`${node} ${stage}: open for ${Math.round(reachMs)} ms`);
      }
      const late = pushes.filter(({ atMs }) => atMs > credential.endedAtMs + limitMs);
      const after = late.filter((push) => isAfterEnd(history, stage, push, credential));
      for (const push of after) report.newContent.push(describeLate(stream, stage, push));
    }
  }
  for (const { node, credential, atMs, wasServed } of probes) {
    if (wasServed && timeline.longestReach(node, credential.endedAtMs, atMs) > limitMs) {
      report.servedTooLong.push(`${node} answered ${Math.round(atMs - credential.endedAtMs)} ms after the end`);
    }
  }
  return { ...report, ended: credentials.size, longestMs };
}

function isAfterEnd(history: History, stage: Stage, { sequence }: Push, credential: Credential): boolean {
  const activated = history.activationNumbers.get(`${stage} ${sequence}`) ?? 0;
  const ends = history.tokenEndNumbers.get(`${credential.endedBy} ${credential.tokenId}`) ?? [];
  // A token that was rotated again has several: the last one is after all that may have been served.
  return activated > (ends.at(-1) ?? Infinity);
}

function describeLate({ node, credential }: Stream, stage: Stage, { sequence, atMs }: Push): string {
  return `${node} pushed ${stage} ${sequence} ${Math.round(atMs - credential.endedAtMs)} ms after the end of the token`;
}
