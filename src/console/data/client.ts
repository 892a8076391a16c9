import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { OrganizationService } from "../../../gen/signet/v1/organization_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import type { SignetClient } from "../../sdk/client.js";
import { createServiceClient } from "../../sdk/authorized-transport.js";
import { transport } from "./transport.js";

/**
 * The typed client of this server, with the services that the first screen needs; `full-client.ts` has them all. Calls throw
 * SignetError.
 */
export const client: Pick<SignetClient, "organizations" | "tokens" | "bundles" | "runtimes"> = {
  organizations: createServiceClient(OrganizationService, transport, null),
  tokens: createServiceClient(TokenService, transport, null),
  bundles: createServiceClient(BundleService, transport, null),
  runtimes: createServiceClient(RuntimeService, transport, null),
};

export { changeHeaders } from "../../sdk/change-headers.js";
