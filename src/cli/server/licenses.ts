import type { Command } from "commander";
import { readExecutableAsset, readAsset } from "../../assets/assets.js";
import type { Shell } from "../shell/shell.js";

/** `signet licenses`: the licence of Signet, and in the executable those of all that is inside of it. */
export function addLicenses(program: Command, shell: Shell): void {
  program
    .command("licenses")
    .description("print the licences of this program and of what is inside of it")
    .action(() => {
      // The list of the executable begins with Signet's own. A package's dependencies bring theirs in node_modules.
      const text = (readExecutableAsset("thirdPartyLicenses") ?? readAsset("LICENSE")).toString();
      shell.answer(
        () => JSON.stringify({ text }),
        () => text,
      );
    });
}
