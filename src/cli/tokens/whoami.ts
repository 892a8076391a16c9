import type { Command } from "commander";
import { formatMessage, SignetError, type WhoAmIResponse } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { inSession, serverUrl, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime } from "../shell/table.js";

/** `signet whoami`: the token, and the server, organization, project and environments that it is for. */
export function addWhoami(program: Command, shell: Shell): void {
  program
    .command("whoami")
    .description("show the token, its server, organization, project and environments")
    .addHelpText("after", examples("signet whoami"))
    .action(
      inSession(shell, async (session) => {
        const me = await session.whoAmI();
        const named = shell.json ? undefined : await namesOf(session, me);
        shell.answer(
          () => formatMessage(me),
          () =>
            formatFacts([
              ["token", me.id],
              ["name", me.name],
              ["prefix", me.keyPrefix],
              ["type", me.keyType],
              ["scopes", me.scopes.join(" ")],
              ["organization", named?.organization ?? me.orgId],
              ["project", named?.project ?? me.projectId],
              [me.environment === undefined ? "environments" : "environment", me.environment ?? named?.environments],
              ["expires", formatTime(me.expiresAt) ?? "never"],
              ["server", `${serverUrl(session.options)} (${me.serverVersion})`],
              ["context", shell.context?.name],
            ]),
        );
      }),
    );
}

/** Names beside the ids, as far as the token may read them. */
async function namesOf(
  { client }: Session,
  { orgId, projectId }: WhoAmIResponse,
): Promise<{ organization?: string; project?: string; environments?: string }> {
  try {
    const { slug } = await client.organizations.getOrganization({ orgId });
    const organization = `${slug} (${orgId})`;
    if (projectId === undefined) return { organization };
    const project = await client.organizations.getProject({ orgId, projectId });
    const environments = project.environments.map(({ name }) => name).join(" ");
    return { organization, project: `${project.slug} (${projectId})`, environments };
  } catch (thrown) {
    if (thrown instanceof SignetError && (thrown.code === "forbidden" || thrown.code === "not_found")) return {};
    throw thrown;
  }
}
