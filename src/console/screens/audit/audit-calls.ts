import { AuditService } from "../../../../gen/signet/v1/audit_pb.js";
import type { SignetClient } from "../../../sdk/client.js";
import { createServiceClient } from "../../../sdk/authorized-transport.js";
import { transport } from "../../data/transport.js";

/** The calls of the audit, which this screen loads with itself. They throw SignetError. */
export const auditCalls: SignetClient["audit"] = createServiceClient(AuditService, transport, null);
