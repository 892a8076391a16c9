import { WebhookService } from "../../../../gen/signet/v1/webhook_pb.js";
import type { SignetClient } from "../../../sdk/client.js";
import { createServiceClient } from "../../../sdk/authorized-transport.js";
import { transport } from "../../data/transport.js";

/** The calls of the webhooks, which this screen loads with itself. They throw SignetError. */
export const webhooksCalls: SignetClient["webhooks"] = createServiceClient(WebhookService, transport, null);
