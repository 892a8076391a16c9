import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ServerNodeSchema, SystemService } from "../../../gen/signet/v1/system_pb.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Finding } from "../../core/finding.js";
import { sleep } from "../../core/schedule/wait.js";
import type { Nodes, NodeView } from "../../service/nodes/nodes.js";
import { callOf } from "../admission/call.js";
import { optionalTimestamp, timestampOf, withoutNulls } from "./message-fields.js";

/** Held answers at once, of all callers. */
const MAX_HELD = 8;
/** A header that comes back is cut to this. */
const MAX_HEADER_CHARACTERS = 255;
/** What may come back as an entity tag: nothing that would be another header. */
const ENTITY_TAG = /^"[\x21\x23-\x7e]{1,100}"$/;

const MAX_UINT32 = 2 ** 32 - 1;

/** Examines the server. */
export interface Diagnosis {
  /** What each check found, in the order in which they are listed. Never rejects for what a check finds. */
  run(full: boolean): Promise<readonly Finding[]>;
}

/** What SystemService is made of. */
export interface SystemServices {
  readonly diagnosis: Diagnosis;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly version: string;
  /** How the server is configured to be reached. */
  readonly reached: { readonly publicUrls: readonly string[]; readonly trustedProxies: number };
}

/** SystemService for the server's operator. */
export function createSystemService(services: SystemServices): ServiceImpl<typeof SystemService> {
  const { diagnosis, nodes, clock, version, reached } = services;
  let held = 0;
  const hold = async (seconds: number, signal: AbortSignal) => {
    if (seconds === 0) return;
    if (held >= MAX_HELD) throw new AppError("unavailable", "too many held answers", { retryAfterSeconds: 60 });
    held += 1;
    try {
      await sleep(seconds * 1000, signal);
    } finally {
      held -= 1;
    }
  };
  return {
    async listNodes() {
      const listed = await nodes.list();
      return { data: listed.map(nodeMessage), at: timestampOf(instantOf(clock.now())) };
    },

    async diagnoseServer({ full }) {
      const findings = await diagnosis.run(full);
      return {
        findings: findings.map(({ remedy, ...finding }) => ({ ...finding, ...withoutNulls({ remedy }) })),
        ...{ at: timestampOf(instantOf(clock.now())), version },
      };
    },

    async echo({ waitSeconds }, context) {
      const { requestHeader, responseHeader, signal } = context;
      const header = (name: string) => requestHeader.get(name)?.slice(0, MAX_HEADER_CHARACTERS) ?? null;
      const ifNoneMatch = header("if-none-match");
      await hold(waitSeconds, signal);
      if (ifNoneMatch !== null && ENTITY_TAG.test(ifNoneMatch)) responseHeader.set("ETag", ifNoneMatch);
      const { publicUrls, trustedProxies } = reached;
      return {
        ...withoutNulls({ host: header("host"), ifNoneMatch, publicUrl: publicUrls[0] ?? null }),
        publicUrls: [...publicUrls],
        forwarded: requestHeader.has("x-forwarded-for") || requestHeader.has("forwarded"),
        ...{ clientAddress: callOf(context).clientAddress, trustedProxies },
      };
    },
  };
}

function nodeMessage({ node, state, isSelf: answering }: NodeView): MessageInitShape<typeof ServerNodeSchema> {
  const { id, name, version, url, startedAt, seenAt, streams, polls: heldPolls, schema, problem, stoppingAt } = node;
  const lagMs = node.lagMs === null ? null : Math.min(node.lagMs, MAX_UINT32);
  return {
    ...{ id, name, version, state, answering, streams, heldPolls, schema },
    ...{ startedAt: timestampOf(startedAt), seenAt: timestampOf(seenAt) },
    ...withoutNulls({ url, lagMs, problem }),
    ...optionalTimestamp("stoppingAt", stoppingAt),
  };
}
