import type { Command } from "commander";
import { formatMessages } from "../../sdk/index.js";
import { countingTotal, noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";
import { addTokenCreate, answerRawKey } from "./token-create.js";
import { addTokenGenerate } from "./token-generate.js";

interface ListOptions extends GlobalOptions {
  readonly type?: string;
  readonly limit: number;
}

/** `signet token`: the keys that people, CI jobs and runtimes authenticate with. */
export function addToken(program: Command, shell: Shell): void {
  const token = program.command("token").description("create, list, rotate and revoke tokens");
  addTokenCreate(token, shell);
  addTokenGenerate(token, shell);
  token
    .command("list")
    .description("list tokens, newest first, revoked ones too; with --project those of one project")
    .option("--type <type>", "admin, ci or runtime")
    .option("--limit <count>", "at most so many", wholeNumber(1, 1000), 100)
    .action((_: unknown, command: Command) => list(shell, command));
  token
    .command("rotate")
    .description("replace the secret of a token; the new one is written to standard output")
    .argument("<id>", "its number", wholeNumber(1))
    .option("--grace-seconds <seconds>", "for how long the old secret still works", wholeNumber(0, 604_800), 0)
    .option("--sha256 <hash>", "of the new key, when you made it: signet token generate")
    .action(async (keyId: number, options: { graceSeconds: number; sha256?: string }, command: Command) => {
      using session = Session.open(shell, command);
      const orgId = await session.orgId();
      answerRawKey(shell, await session.client.tokens.rotateToken({ orgId, keyId, ...options }));
    });
  token
    .command("revoke")
    .description("revoke a token for ever; its streams end at once")
    .argument("<id>", "its number", wholeNumber(1))
    .action(async (keyId: number, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      await session.client.tokens.revokeToken({ orgId: await session.orgId(), keyId });
      shell.answer(
        () => JSON.stringify({ revoked: keyId }),
        () => `revoked token ${keyId}\n`,
      );
    });
}

async function list(shell: Shell, command: Command): Promise<void> {
  const { type, limit, project } = command.optsWithGlobals<ListOptions>();
  using session = Session.open(shell, command);
  const counting = countingTotal();
  const request = {
    orgId: await session.orgId(),
    limit,
    ...(project === undefined ? {} : { projectId: await session.projectId(project) }),
    ...(type === undefined ? {} : { keyType: type }),
  };
  const { tokens } = await session.client.tokens.listTokens(request, counting);
  shell.answer(
    () => formatMessages(tokens),
    () =>
      formatTable(
        tokens,
        [
          ["ID", ({ id }) => id],
          ["PREFIX", ({ keyPrefix }) => keyPrefix],
          ["TYPE", ({ keyType }) => keyType],
          ["ACTIVE", ({ isActive }) => isActive],
          ["NAME", ({ name }) => name],
          ["PROJECT", ({ projectId }) => projectId],
          ["ENVIRONMENTS", ({ environmentId, environments }) => environmentId ?? environments.join(" ")],
          ["EXPIRES", ({ expiresAt }) => formatTime(expiresAt)],
          ["LAST USED", ({ lastUsedAt }) => formatTime(lastUsedAt)],
        ],
        shell.color,
      ),
  );
  noticeMore(shell, tokens.length, counting.total(), "--limit");
}
