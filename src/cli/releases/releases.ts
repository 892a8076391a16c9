import type { Command } from "commander";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { addReleaseCreate } from "./create.js";
import { addReleaseSign } from "./sign.js";
import { addReleaseUpload } from "./upload.js";
import { addReleaseVerify } from "./verify.js";

/** `signet release`: what the authors of a policy sign, so that no server can write one. */
export function addRelease(program: Command, shell: Shell): void {
  const release = program
    .command("release")
    .description("sign what may run where, as an author of policies")
    .addHelpText(
      "after",
      examples(
        "signet release create -f policy.yaml --environments dev staging prod",
        "signet release sign release.json -f policy.yaml --key alice.key",
        "signet release verify release.json",
      ),
    );
  addReleaseCreate(release, shell);
  addReleaseSign(release, shell);
  addReleaseVerify(release, shell);
  addReleaseUpload(release, shell);
}
