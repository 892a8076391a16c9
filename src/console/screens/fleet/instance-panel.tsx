import type { Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { RuntimeInstance } from "../../../../gen/signet/v1/runtime_pb.js";
import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { signetCommand } from "../../data/shell-words.js";
import { useCall } from "../../data/use-call.js";
import { Dialog } from "../../elements/dialog.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Actor, Command, Copy, Status, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { InstanceState } from "./instance-state.js";

/** Activations that are shown beside what an instance applied. */
const SHOWN_ACTIVATIONS = 8;

/** Names an instance in a URL: environment, slash, id; of all projects with the project's id before. */
export function instanceText({ environment, instanceId, projectId }: RuntimeInstance): string {
  return `${projectId}/${environment}/${instanceId}`;
}

/** The other way. The id may have slashes. */
export function parseInstanceText(text: string): { projectId: string; environment: string; instanceId: string } {
  const [projectId = "", environment = "", ...rest] = text.split("/");
  return { projectId, environment, instanceId: rest.join("/") };
}

interface InstancePanelProps {
  readonly scope: { readonly orgId: string; readonly projectId: string };
  readonly text: string;
  readonly slugOf: (projectId: string) => string;
  readonly onClose: () => void;
}

/** All that is known of one instance. It has a URL of its own. */
export function InstancePanel({ scope, text, slugOf, onClose }: InstancePanelProps) {
  const { projectId, environment, instanceId } = parseInstanceText(text);
  const call = useCall(
    async (signal) => {
      const request = { orgId: scope.orgId, projectId, environment, instanceId, limit: 10 };
      const path = { orgId: scope.orgId, projectId, envName: environment, limit: SHOWN_ACTIVATIONS };
      const [{ data }, deployments] = await Promise.all([
        client.runtimes.listFleet(request, { signal }),
        client.bundles.listDeployments(path, { signal }),
      ]);
      return { instances: data, activations: deployments.data };
    },
    [scope.orgId, text],
    { refreshOn: ["fleet", "activations"] },
  );
  const keys = useCall(async (signal) => (await client.bundles.listKeys({}, { signal })).keys, ["keys"]);
  const current = (keys.value ?? []).filter(({ purpose, isCurrent }) => purpose === "bundles" && isCurrent);
  const at = { org: scope.orgId, project: slugOf(projectId) };
  return (
    <Dialog title={instanceId} wide onClose={onClose}>
      <div class="stack">
        <Loaded call={call}>
          {({ instances, activations }) =>
            instances.length === 0 ? (
              <Empty title="This instance is not known any more" text="Of each token the 10,000 seen last are kept." />
            ) : (
              instances.map((instance) => (
                <div class="stack" key={instance.keyPrefix}>
                  <Facts instance={instance} at={at} currentKeys={current.map(({ keyId }) => keyId)} />
                  <History instance={instance} activations={activations} at={at} />
                </div>
              ))
            )
          }
        </Loaded>
        <section class="stack">
          <h3>From the command line</h3>
          <Command
            text={signetCommand(
              "runtimes",
              ["--project", at.project],
              ["--env", environment],
              ["--instance", instanceId],
            )}
          />
        </section>
      </div>
    </Dialog>
  );
}

interface FactsProps {
  readonly instance: RuntimeInstance;
  readonly at: ProjectAt;
  readonly currentKeys: readonly string[];
}

function Facts({ instance, at, currentKeys }: FactsProps) {
  const { appliedSequence, appliedVersion, behindBy, reason, agent, source, keyIds, labels, environment } = instance;
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>
        <InstanceState instance={instance} />
      </dd>
      {reason !== undefined && (
        <>
          <dt>Why rejected</dt>
          <dd>
            <bdi>{reason}</bdi>
          </dd>
        </>
      )}
      <dt>Applied</dt>
      <dd>
        {appliedSequence === undefined ? (
          "nothing reported"
        ) : (
          <>
            sequence {appliedSequence}
            {appliedVersion !== undefined && (
              <>
                , <a href={links.version(at, environment, appliedVersion)}>version {appliedVersion}</a>
              </>
            )}
            {behindBy !== undefined && behindBy > 0 && `, behind by ${behindBy}`}
          </>
        )}
      </dd>
      <dt>Place</dt>
      <dd>
        <a href={links.project(at)}>
          <bdi>{at.project}</bdi>
        </a>{" "}
        / <bdi>{environment}</bdi>
      </dd>
      <dt>Seen</dt>
      <dd>
        <Time at={instance.lastSeen} />, {instance.connected ? "its watch is open" : "no watch is open"}
      </dd>
      <dt>Agent</dt>
      <dd>{agent === undefined ? "–" : <bdi>{agent}</bdi>}</dd>
      <dt>Address</dt>
      <dd>{source === undefined ? "–" : <code>{source}</code>}</dd>
      <dt>Token</dt>
      <dd>
        <Actor performedBy={{ name: instance.keyName, prefix: instance.keyPrefix }} /> <code>{instance.keyPrefix}</code>
      </dd>
      <dt>Labels</dt>
      <dd class="row">
        {Object.entries(labels).map(([key, value]) => (
          <Tag key={key}>{`${key}=${value}`}</Tag>
        ))}
        {Object.keys(labels).length === 0 && "none"}
      </dd>
      <dt>Keys known</dt>
      <dd>
        {keyIds.length === 0 ? (
          "it did not say"
        ) : (
          <ul>
            {keyIds.map((keyId) => (
              <li key={keyId}>
                <code>{keyId}</code> {currentKeys.includes(keyId) && <Status tone="good" text="a current key" />}
              </li>
            ))}
          </ul>
        )}
      </dd>
      <dt>Id</dt>
      <dd>
        <code>{instance.instanceId}</code> <Copy text={instance.instanceId} label="Copy the id" compact />
      </dd>
    </dl>
  );
}

interface HistoryProps {
  readonly instance: RuntimeInstance;
  readonly activations: readonly Deployment[];
  readonly at: ProjectAt;
}

/** The newest activations of its environment, with the one that it said it applied. The server keeps the newest report alone. */
function History({ instance, activations, at }: HistoryProps) {
  if (activations.length === 0) return null;
  const { appliedSequence, environment } = instance;
  const isBelow = appliedSequence !== undefined && !activations.some(({ sequence }) => sequence === appliedSequence);
  return (
    <section class="stack" aria-label="Activations and what it said">
      <h3>Activations of its environment</h3>
      <ol class="instance-history">
        {activations.map(({ id, sequence, version, kind, at: when }, index) => (
          <li key={id} aria-current={sequence === appliedSequence ? "true" : undefined}>
            <span class="number">{sequence}</span>
            <span>
              {kind} of <a href={links.version(at, environment, version)}>version {version}</a>, <Time at={when} />
            </span>
            <span class="row">
              {index === 0 && <Tag>newest</Tag>}
              {sequence === appliedSequence && <Status tone="good" text="it said: applied" />}
              {index === 0 && instance.rollout === "rejected" && <Status tone="bad" text="it said: rejected" />}
            </span>
          </li>
        ))}
        {isBelow && (
          <li>
            <span class="number">{appliedSequence}</span>
            <span>an older one</span>
            <Status tone="warn" text="it said: applied" />
          </li>
        )}
      </ol>
    </section>
  );
}
