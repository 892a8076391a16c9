import { create, toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  ReportStatusRequestSchema,
  ReportStatusResponseSchema,
  RuntimeService,
} from "../../../../gen/signet/v1/runtime_pb.js";
import { withToken } from "../../authorized-transport.js";
import type { ReportClient } from "../../status-reporter.js";
import { Rest } from "./http.js";
import type { ServerConnection } from "../platform.js";
import { createPollRung } from "./poll-rung.js";
import { createRpcRung } from "./rpc-rung.js";
import type { RuntimeOptions } from "../runtime-options.js";
import type { TransportName } from "../runtime.js";
import { createSseRung } from "./sse-rung.js";
import type { Rung } from "./rung.js";

/** How a server is followed, and how it is told. */
export interface Ways {
  /** Best first. */
  readonly rungs: readonly Rung[];
  /** Reports on the way that worked last, also while it is not connected; by REST before there was one. */
  readonly reportBy: (works: () => TransportName | null) => ReportClient;
}

/** All ways that the options allow. */
export function waysOf(options: RuntimeOptions, connection: ServerConnection): Ways {
  const { url, token, instanceId, labels = {}, heartbeatMs = 15_000 } = options;
  const following = { instanceId, labels, silentMs: 3 * heartbeatMs };
  const rest = new Rest(connection.send, url.replace(/\/+$/, ""), token);
  const clients = connection.rpc.map(({ name, transport }) => {
    return { name, client: { runtimes: createClient(RuntimeService, withToken(transport, token)) } };
  });
  const all: readonly Rung[] = [
    ...clients.map(({ name, client }) => createRpcRung(name, client, following)),
    createSseRung(rest, following),
    createPollRung(rest, following),
  ];
  const wanted = options.transports ?? all.map(({ name }) => name);
  return {
    rungs: wanted.flatMap((wish) => all.find(({ name }) => name === wish) ?? []),
    reportBy: (works) => ({
      runtimes: {
        async reportStatus(request, call) {
          const known = clients.find(({ name }) => name === works());
          if (known !== undefined) return await known.client.runtimes.reportStatus(request, call);
          const message = create(ReportStatusRequestSchema, request);
          const json = toJson(ReportStatusRequestSchema, message, { useProtoFieldName: true });
          await rest.post("/v1/runtimes/status", json, call?.signal ?? new AbortController().signal);
          return create(ReportStatusResponseSchema);
        },
      },
    }),
  };
}
