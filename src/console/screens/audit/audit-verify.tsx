import { CheckpointCard } from "./checkpoint-card.js";
import { ChainCard } from "./chain-card.js";
import { ServerCard } from "./server-card.js";
import { Skeleton } from "../../elements/states.js";

interface AuditVerifyProps {
  readonly org: string;
  /** Undefined while it is not known: signatures name the organization by its id. */
  readonly orgId: string | undefined;
}

/** Three checks of the chain: by this browser, by the server, and against the checkpoint that this browser kept. */
export function AuditVerify({ org, orgId }: AuditVerifyProps) {
  if (orgId === undefined) return <Skeleton lines={6} />;
  return (
    <div class="stack audit-verify">
      <ChainCard orgId={orgId} org={org} />
      <CheckpointCard orgId={orgId} />
      <ServerCard orgId={orgId} />
    </div>
  );
}
