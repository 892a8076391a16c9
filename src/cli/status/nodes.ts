import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";

const HELP = `
Lists the processes that serve the database: on PostgreSQL all nodes, on SQLite the only one. Each tells of itself every 5 seconds. live:
within the last 15 seconds; stale: it died, or does not reach the database; stopped: it said so. After an hour of silence it is forgotten.
LAG is for how long it may not have known what the others changed. Needs an admin token of the first organization.
`;

/** `signet nodes`: the processes that serve the database. */
export function addNodes(program: Command, shell: Shell): void {
  program
    .command("nodes")
    .description("list the server processes of the database: version, streams, lag, state")
    .addHelpText("after", HELP + examples("signet nodes", "signet nodes --json"))
    .action(
      inSession(shell, async (session) => {
        const answer = await session.client.system.listNodes({});
        shell.answer(
          () => formatMessage(answer),
          () =>
            formatTable(
              answer.data,
              [
                ["NAME", ({ name }) => name],
                ["STATE", ({ state }) => state],
                ["VERSION", ({ version }) => version],
                ["UP SINCE", ({ startedAt }) => formatTime(startedAt)],
                ["LAST SEEN", ({ seenAt }) => formatTime(seenAt)],
                ["STREAMS", ({ streams }) => streams],
                ["POLLS", ({ heldPolls }) => heldPolls],
                ["LAG", ({ lagMs }) => (lagMs === undefined ? undefined : `${lagMs} ms`)],
                ["SCHEMA", ({ schema }) => schema],
                ["ADDRESS", ({ url }) => url],
                ["PROBLEM", ({ problem }) => problem],
              ],
              shell.tableStyle,
            ),
        );
        const schemas = new Set(answer.data.filter(({ state }) => state === "live").map(({ schema }) => schema));
        if (schemas.size > 1)
          shell.notice("the nodes know different schemas: an upgrade is under way (docs/upgrade.md)");
      }),
    );
}
