import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { client } from "../../data/client.js";
import { useCall } from "../../data/use-call.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Name, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { placeOf, titleOf } from "./token-facts.js";

/** Runtimes that are looked at. */
const LOOKED_AT = 100;

interface RevokeDialogProps {
  readonly org: string;
  readonly token: Token;
  readonly projects: readonly Project[];
  readonly isOwn: boolean;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Revokes a token, after what that does was said. */
export function RevokeDialog({ org, token, projects, isOwn, onDone, onClose }: RevokeDialogProps) {
  const { keyType, lastUsedAt } = token;
  return (
    <ConfirmDialog
      title={`Revoke ${titleOf(token)}`}
      action="Revoke"
      isDanger
      run={() => client.tokens.revokeToken({ orgId: org, keyId: token.id })}
      onDone={onDone}
      onClose={onClose}
    >
      <p>
        <Name text={titleOf(token)} /> stops at once, with its streams. This cannot be undone. To replace its secret,
        rotate it instead.
      </p>
      <p>Last used: {lastUsedAt === undefined ? "never" : <Time at={lastUsedAt} />}</p>
      {keyType === "runtime" ? (
        <LiveRuntimes org={org} token={token} projects={projects} />
      ) : (
        keyType !== "metrics" && <p>Everybody who is signed in to the console with it is signed out.</p>
      )}
      {isOwn && <Status tone="warn" text="This is the token of your own session: you are signed out with it." />}
    </ConfirmDialog>
  );
}

function LiveRuntimes({ org, token, projects }: Pick<RevokeDialogProps, "org" | "token" | "projects">) {
  const { projectId = "" } = token;
  const [environment = ""] = placeOf(token, projects).environments;
  const { value } = useCall(
    (signal) =>
      client.runtimes.listFleet({ orgId: org, projectId, environment, live: true, limit: LOOKED_AT }, { signal }),
    [org, projectId, environment],
  );
  if (value === undefined) return <p class="muted">Looking for live runtimes…</p>;
  const using = value.data.filter(({ keyPrefix }) => keyPrefix === token.keyPrefix);
  if (using.length === 0) {
    const isAll = value.total <= value.data.length;
    return <p>{isAll ? "No live runtime uses it." : `None of the first ${LOOKED_AT} live runtimes uses it.`}</p>;
  }
  const more = value.total > value.data.length ? ` of the first ${LOOKED_AT}` : "";
  return (
    <>
      <Status
        tone="warn"
        text={`${using.length}${more} live ${using.length === 1 ? "runtime loses" : "runtimes lose"} the connection`}
      />
      <p>
        They keep the version that they have, and get no new one: <bdi>{namesOf(using.map((it) => it.instanceId))}</bdi>
      </p>
    </>
  );
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
