import type { SignetError } from "../../sdk/signet-error.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/** What helps, by the server's code. */
const REMEDIES: Readonly<Record<string, string>> = {
  unauthenticated: "Sign in again.",
  forbidden: "Sign in with a token that may do this, or ask an administrator.",
  not_found: "It may have been deleted, or your token does not see it.",
  precondition_failed: "It changed since you looked. Check the new state and try again.",
  rate_limited: "Wait a moment and try again.",
  unavailable: "The server cannot be reached or is busy. Try again in a moment.",
  timeout: "The server did not answer in time. Try again.",
  quota_exceeded: "Delete versions that are no longer needed, or ask the operator for a larger quota.",
  unimplemented: "The server runs another release than this page expects. Reload the page.",
};

/** Says what went wrong, what to do, and the request id by which the server's log has it. */
export function ErrorNote({ error, retry }: { readonly error: SignetError; readonly retry?: () => void }) {
  const remedy = REMEDIES[error.code];
  return (
    <div class="note note-bad" role="alert">
      <Icon name="warning" />
      <div class="note-text">
        <p class="note-title">
          <bdi>{sentence(error.message)}</bdi>
        </p>
        {error.fields.length > 0 && (
          <ul>
            {error.fields.slice(0, 20).map(({ loc, msg }) => (
              <li key={`${loc.join(".")} ${msg}`}>
                <code>{loc.join(".")}</code> <bdi>{msg}</bdi>
              </li>
            ))}
          </ul>
        )}
        {remedy !== undefined && <p>{remedy}</p>}
        {error.requestId !== undefined && (
          <p class="muted">
            Request <code>{error.requestId}</code>
          </p>
        )}
      </div>
      {retry !== undefined && (
        <Button size="small" icon="refresh" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
