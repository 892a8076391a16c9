import { SignetError } from "../../../sdk/signet-error.js";
import { CALL_TIMEOUT_MS } from "../../data/transport.js";
import { API_URL } from "../../data/links.js";

/** Reads a page of the server that is no call of the API, for example `/readyz`; whatever its status. Throws SignetError without an answer. */
export async function plainGet(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const answer = await fetch(API_URL + path, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (cause) {
    throw new SignetError("unavailable", "the server does not answer", { cause });
  }
}
