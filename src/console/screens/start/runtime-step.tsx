import { useEffect, useState } from "preact/hooks";
import { client } from "../../data/client.js";
import { API_URL, links, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button, LinkButton } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Icon } from "../../elements/icon.js";
import { Command, Name, Status } from "../../elements/text.js";
import type { Lane } from "../lanes/lane.js";
import { rolloutWords } from "../lanes/words.js";
import { runtimeProgram } from "./runtime-program.js";

/** Until a runtime is seen it is asked for so often, in milliseconds, whatever the stream tells. */
const ASK_MS = 2_000;

interface RuntimeStepProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  readonly onAsk: () => void;
}

/** Makes a runtime token, shows the command that starts a runtime with it, and waits until that one has applied what is active. */
export function RuntimeStep({ at, lane, onAsk }: RuntimeStepProps) {
  const { environment, rollout } = lane;
  const { name, activeVersion } = environment;
  const isApplied = (rollout?.applied ?? 0) > 0;
  useEffect(() => {
    if (isApplied) return;
    const timer = setInterval(onAsk, ASK_MS);
    return () => clearInterval(timer);
  }, [isApplied, onAsk]);
  if (activeVersion === undefined) {
    return (
      <>
        <p>Nothing is active in {name} yet, so a runtime would have nothing to apply.</p>
        <LinkButton href={links.start({ project: at.project, step: "policy" })}>Publish a policy first</LinkButton>
      </>
    );
  }
  return (
    <>
      <p>
        A runtime follows one environment with a token of its own, verifies each bundle, and reports what it applied.
        For now the command line is one.
      </p>
      <RuntimeToken at={at} lane={lane} />
      <section class="start-wait" aria-label="Runtimes seen">
        {isApplied && rollout !== undefined ? (
          <>
            <p role="status">
              <Status tone="good" text={`${rolloutWords(rollout)}: version ${activeVersion}.`} />
            </p>
            <SeenRuntimes at={at} env={name} />
            <LinkButton kind="primary" href={links.start({ project: at.project, step: "promote" })}>
              Go on
            </LinkButton>
          </>
        ) : (
          <p role="status" class="start-waiting">
            <span class="busy" aria-hidden="true" />
            {(rollout?.live ?? 0) > 0
              ? "A runtime is connected. Waiting until it has applied the policy…"
              : `Waiting for a runtime of ${name}… You can leave and come back.`}
          </p>
        )}
        {(rollout?.rejected ?? 0) > 0 && (
          <p>
            <Status tone="bad" text={`${rollout?.rejected ?? 0} rejected it`} />{" "}
            {rollout?.laggards[0]?.reason !== undefined && <Name text={rollout.laggards[0].reason} />}
          </p>
        )}
      </section>
    </>
  );
}

function RuntimeToken({ at, lane: { environment } }: Pick<RuntimeStepProps, "at" | "lane">) {
  // Kept in the page alone, for as long as it is open.
  const [token, setToken] = useState<string | undefined>();
  const creation = useAction(async () => {
    const name = `first runtime ${new Date().toISOString().slice(0, 16)}`;
    const made = await client.tokens.createRuntimeToken({
      ...{ orgId: at.org, projectId: at.project, environmentId: environment.id, name },
    });
    setToken(made.rawKey);
  });
  if (!can("org:admin")) {
    return (
      <p>
        An admin makes the token: signet token create --runtime --env {environment.name} --project {at.project}
      </p>
    );
  }
  if (token === undefined) {
    return (
      <>
        <div class="row">
          <Button kind="primary" icon="plus" busy={creation.isRunning} onClick={() => void creation.run()}>
            Create a runtime token
          </Button>
          <span class="muted">It may read what is active in {environment.name}, and nothing else.</span>
        </div>
        {creation.error !== undefined && <ErrorNote error={creation.error} />}
      </>
    );
  }
  return (
    <div class="stack">
      <p class="note note-warn">
        <Icon name="warning" />
        <span class="note-text">The token is shown once, here. Keep it as a secret of the runtime.</span>
      </p>
      <Command text={token} label="Copy token" />
      <p>Start a runtime in a terminal:</p>
      <Command text={`SIGNET_URL=${API_URL} SIGNET_TOKEN=${token} signet watch`} />
      <p class="muted">In a checkout it is npx signet watch.</p>
      <details>
        <summary>With the SDK</summary>
        <Command text={runtimeProgram(environment.name)} label="Copy program" />
        <p>
          <a href={links.docs("runtimes")}>More about runtimes</a>
        </p>
      </details>
    </div>
  );
}

function SeenRuntimes({ at, env }: { readonly at: ProjectAt; readonly env: string }) {
  const { value } = useCall(
    (signal) =>
      client.runtimes.listFleet(
        { orgId: at.org, projectId: at.project, environment: env, live: true, limit: 5 },
        { signal },
      ),
    [at.org, at.project, env],
    { refreshOn: ["fleet"] },
  );
  if (value === undefined) return null;
  return (
    <ul class="start-seen" aria-label="Live runtimes">
      {value.data.map(({ instanceId, agent, appliedVersion }) => (
        <li key={instanceId}>
          <Icon name="check" />
          <Name text={instanceId} />
          {agent !== undefined && (
            <span class="muted">
              <Name text={agent} />
            </span>
          )}
          {appliedVersion !== undefined && <span class="muted">version {appliedVersion}</span>}
        </li>
      ))}
    </ul>
  );
}
