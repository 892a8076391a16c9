import type { Command } from "commander";
import { readExecutableAsset, readAsset } from "../../assets/assets.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";

/** `signet licenses`: Signet's licence; in the executable also those of everything that it contains. */
export function addLicenses(program: Command, shell: Shell): void {
  program
    .command("licenses")
    .description("print the licences of this program and of its dependencies")
    .addHelpText("after", examples("signet licenses"))
    .action(() => {
      // The executable's list begins with Signet's own. For the npm package, dependencies have theirs in node_modules.
      const text = (readExecutableAsset("thirdPartyLicenses") ?? readAsset("LICENSE")).toString();
      shell.answer(
        () => JSON.stringify({ text }),
        () => text,
      );
    });
}
