import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { answerChange, answerRows, countingTotal, noticeMore } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";
import { addTokenCreate, answerRawKey } from "./token-create.js";
import { addTokenGenerate } from "./token-generate.js";

interface ListOptions {
  readonly type?: string;
  readonly limit: number;
}

interface RotateOptions {
  readonly graceSeconds: number;
  readonly sha256?: string;
}

const ROTATE_HELP = `
When the file admin-token of the server's data directory has the old secret, the server writes the new one to it, so that commands on its
machine go on. With --sha256 it does not know the new secret, and the file keeps the old one.
`;

/** `signet token`: the tokens with which people, CI jobs and runtimes authenticate. */
export function addToken(program: Command, shell: Shell): void {
  const token = program
    .command("token")
    .description("create, generate, list, rotate and revoke tokens")
    .addHelpText("after", examples("signet token list", "signet token create --ci --project shop > ci-token"));
  addTokenCreate(token, shell);
  addTokenGenerate(token, shell);
  token
    .command("list")
    .description("list tokens, newest first, including revoked ones; with --project those of one project")
    .option("--type <type>", "admin, ci, runtime, viewer or metrics")
    .option("--limit <count>", "show at most this many, up to 1000", wholeNumber(1, 1000), 100)
    .addHelpText("after", examples("signet token list --type ci"))
    .action(
      inSession(shell, async (session, { type, limit }: ListOptions) => {
        const { project } = session.options;
        const counting = countingTotal();
        const orgId = await session.orgId();
        const projectId = project === undefined ? undefined : await session.projectId(project);
        const request = { orgId, limit, ...defined({ projectId, keyType: type }) };
        const { tokens } = await session.client.tokens.listTokens(request, counting);
        answerRows(shell, tokens, [
          ["ID", ({ id }) => id],
          ["PREFIX", ({ keyPrefix }) => keyPrefix],
          ["TYPE", ({ keyType }) => keyType],
          ["ACTIVE", ({ isActive }) => isActive],
          ["NAME", ({ name }) => name],
          ["PROJECT", ({ projectId }) => projectId],
          ["ENVIRONMENTS", ({ environmentId, environments }) => environmentId ?? environments.join(" ")],
          ["EXPIRES", ({ expiresAt }) => formatTime(expiresAt)],
          ["LAST USED", ({ lastUsedAt }) => formatTime(lastUsedAt)],
        ]);
        noticeMore(shell, tokens.length, counting.total(), "--limit");
      }),
    );
  token
    .command("rotate")
    .description("replace the secret of a token; prints the new one once, alone on stdout")
    .argument("<id>", "number of the token", wholeNumber(1))
    .option("--grace-seconds <seconds>", "keep the old secret valid for this long", wholeNumber(0, 604_800), 0)
    .option("--sha256 <hash>", "SHA-256 of a key of your own, see signet token generate")
    .addHelpText("after", ROTATE_HELP + examples("signet token rotate 3 --grace-seconds 3600"))
    .action(
      inSession(shell, async (session, keyId: number, options: RotateOptions) => {
        const orgId = await session.orgId();
        const token = await session.client.tokens.rotateToken({ orgId, keyId, ...options });
        answerRawKey(shell, token);
        if (shell.json || token.inAdminTokenFile === undefined) return;
        shell.notice(
          token.inAdminTokenFile
            ? "the server wrote it to the file admin-token of its data directory, which had the old one"
            : "the server could not replace the file admin-token of its data directory, and does so at its next start: keep this secret until then",
        );
      }),
    );
  token
    .command("revoke")
    .description("revoke a token, which cannot be undone; its streams end at once")
    .argument("<id>", "number of the token", wholeNumber(1))
    .addHelpText("after", examples("signet token revoke 3"))
    .action(
      inSession(shell, async (session, keyId: number) => {
        await session.client.tokens.revokeToken({ orgId: await session.orgId(), keyId });
        answerChange(shell, "revoked", "token", keyId);
      }),
    );
}
