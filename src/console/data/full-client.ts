import { createSignetClient, type SignetClient } from "../../sdk/client.js";
import { transport } from "./transport.js";

/** The client of all services, for screens that are loaded when they are opened: not part of the first load. */
export const fullClient: SignetClient = createSignetClient({ transport, token: null });
