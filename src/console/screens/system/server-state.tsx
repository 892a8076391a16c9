import { useCall } from "../../data/use-call.js";
import { Loaded } from "../../elements/states.js";
import { Name, Status, type Tone } from "../../elements/text.js";
import { plainGet } from "./plain-get.js";

/** What /readyz says, in words. */
const STATES: Readonly<Record<string, readonly [tone: Tone, text: string]>> = {
  ok: ["good", "takes changes"],
  read_only: ["warn", "read-only: everything can be read, nothing changed"],
  disk_full: ["bad", "disk full: only activations, rollbacks and deletions are accepted"],
  unavailable: ["bad", "not ready: the database does not answer"],
};

interface ServerFacts {
  readonly version: string;
  readonly status: string;
  readonly reason: string | undefined;
}

/** The version of the server, and whether it takes changes. */
export function ServerState() {
  const call = useCall(readState, ["server-state"]);
  return (
    <Loaded call={call} lines={2}>
      {({ version, status, reason }) => {
        const [tone, text] = STATES[status] ?? (["neutral", status] as const);
        return (
          <dl class="facts card">
            <dt>Version</dt>
            <dd>
              <Name text={version} />
            </dd>
            <dt>State</dt>
            <dd>
              <Status tone={tone} text={text} />
              {reason !== undefined && (
                <p class="muted">
                  <bdi>{reason}</bdi>
                </p>
              )}
            </dd>
          </dl>
        );
      }}
    </Loaded>
  );
}

async function readState(signal: AbortSignal): Promise<ServerFacts> {
  const [health, ready] = await Promise.all([plainGet("/healthz", signal), plainGet("/readyz", signal)]);
  const { version } = factsOf(health.text);
  const { status, reason } = factsOf(ready.text);
  return { version: version ?? "unknown", status: status ?? "unavailable", reason };
}

/** The texts of an object of texts; a proxy may answer with something else. */
function factsOf(text: string): Readonly<Record<string, string | undefined>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, each]) => typeof each === "string"));
  } catch {
    return {};
  }
}
