import type { Command } from "commander";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { addEdits } from "./edit.js";
import { addInit } from "./init.js";
import { addMessage } from "./message.js";
import { addNewKey } from "./new-key.js";
import { addOnlineKeys } from "./online-keys.js";
import { addPublishRoot } from "./publish.js";
import { addPull } from "./pull.js";
import { addShow } from "./show.js";
import { addSign } from "./sign.js";
import { addTrustStatus } from "./status.js";
import { DIRECTORY_HELP } from "./trust-directory.js";
import { addVerifyTrust } from "./verify.js";

/** `signet trust`: the root documents of a project, which say whose signatures runtimes believe. */
export function addTrust(program: Command, shell: Shell): void {
  const trust = program
    .command("trust")
    .description("say whose signatures runtimes believe: the root document of a project")
    .addHelpText(
      "after",
      `${DIRECTORY_HELP}\n${examples(
        "signet trust show",
        "signet trust add-key alice.pub --role release",
        "signet trust sign --key /media/usb/root.key",
      )}`,
    );
  addInit(trust, shell);
  addShow(trust, shell);
  addTrustStatus(trust, shell);
  addNewKey(trust, shell);
  addEdits(trust, shell);
  addOnlineKeys(trust, shell);
  addSign(trust, shell);
  addMessage(trust, shell);
  addPublishRoot(trust, shell);
  addPull(trust, shell);
  addVerifyTrust(trust, shell);
}
