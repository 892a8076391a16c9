import { createFetchTransport } from "../../sdk/fetch-transport.js";
import { fetchHere } from "./attendance.js";
import { API_URL } from "./links.js";

/** After so long without an answer a call fails, in milliseconds. */
export const CALL_TIMEOUT_MS = 15_000;

/** The way to this server. The session's cookie goes along by itself. */
export const transport = createFetchTransport({ url: API_URL, timeoutMs: CALL_TIMEOUT_MS, fetch: fetchHere });
