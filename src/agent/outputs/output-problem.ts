import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { statOf } from "./disk.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import type { OutputRule } from "./output-rule.js";
import { setsOf } from "./set-target.js";
import { linkAt } from "./target.js";

/** Why an output could not be written now, as far as can be seen without writing; null when it could. */
export async function outputProblem({ kind, path }: OutputRule): Promise<string | null> {
  try {
    const there = await statOf(path);
    if (kind !== "files" && there?.isFile() === false) return `${path} is no regular file`;
    if (kind === "files" && there !== null) {
      const isOurs =
        there.isSymbolicLink() && (await linkAt(path)).includes(setsOf(path).slice(dirname(path).length + 1));
      if (!isOurs) return `${path} is there already, and no set of the agent`;
    }
    let directory = dirname(path);
    while ((await statOf(directory)) === null) directory = dirname(directory);
    await access(directory, constants.W_OK | constants.X_OK).catch((thrown: unknown) => {
      throw new Error(`cannot write in ${directory}: ${systemReason(thrown)}`);
    });
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
