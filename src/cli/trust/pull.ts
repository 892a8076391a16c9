import type { Command } from "commander";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { verifyNextRoot } from "../../bundle/trust/verify-objects.js";
import { SignetError } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { changesIn } from "./root-words.js";
import { TrustDirectory, withDirectory, type DirectoryOptions } from "./trust-directory.js";
import { projectOf } from "./trust-server.js";

const HELP = `
Each root is verified by the one before, as a runtime does, and kept. root.json must be there: the first one comes another way than
through the server.
`;

/** `signet trust pull`: the roots that others published. */
export function addPull(trust: Command, shell: Shell): void {
  withDirectory(trust.command("pull"))
    .description("fetch and verify the roots that others have published since")
    .addHelpText("after", HELP + examples("signet trust pull"))
    .action(async ({ dir }: DirectoryOptions, command: Command) => {
      const directory = new TrustDirectory(dir, shell.io);
      const first = await directory.requireNewest();
      using session = Session.open(shell, command);
      let { root } = first;
      for (;;) {
        const envelope = await rootAfter(session, { ...projectOf(root), version: root.version + 1 });
        if (envelope === null) break;
        const next = await verifyNextRoot(envelope, root, nobleVerifier);
        await directory.keep({ envelope, root: next });
        root = next;
      }
      const changes = root === first.root ? [] : changesIn(first.root, root);
      shell.answer(
        () => JSON.stringify({ file: first.file, version: root.version, from_version: first.root.version, changes }),
        () =>
          root === first.root
            ? `root ${root.version} is the newest one\n`
            : `root ${first.root.version} → ${root.version}\n${changes.map((it) => `  ${it}\n`).join("")}`,
      );
    });
}

/** Null above the newest. */
async function rootAfter(
  session: Session,
  path: { readonly orgId: string; readonly projectId: string; readonly version: number },
): Promise<string | null> {
  try {
    return (await session.client.trust.getProjectRoot(path)).envelope;
  } catch (thrown) {
    if (thrown instanceof SignetError && thrown.code === "not_found") return null;
    throw thrown;
  }
}
