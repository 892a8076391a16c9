import { OPA_POLICIES } from "../../../core/bundle.js";
import { API_URL, type ProjectAt } from "../../data/links.js";
import { Command } from "../../elements/text.js";

interface CommandsCardProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly version: number;
  /** What its policies are. */
  readonly mediaType: string;
}

/** How to get and verify the same document without the console. */
export function CommandsCard({ at, env, version, mediaType }: CommandsCardProps) {
  const flags = `--org ${at.org} --project ${at.project} --env ${env}`;
  const path = `${API_URL}/v1/orgs/${at.org}/projects/${at.project}/envs/${env}/bundles/${version}/document`;
  return (
    <details class="card commands">
      <summary>Get it by command</summary>
      <div class="stack">
        {mediaType === OPA_POLICIES && (
          <Command
            text={`signet bundles get ${version} ${flags} --output ./policy`}
            label="Copy command for the files"
          />
        )}
        <Command text={`signet bundles document ${version} ${flags} --out bundle.json`} label="Copy signet command" />
        <Command
          text={"signet keys --pem > keys.pem && signet verify bundle.json --keys keys.pem"}
          label="Copy verify command"
        />
        <Command text={`curl -H "Authorization: Bearer $SIGNET_TOKEN" ${path}`} label="Copy as curl" />
      </div>
    </details>
  );
}
