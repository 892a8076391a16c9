import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { opaPathProblem } from "../../bundle/opa/opa-paths.js";
import { readOpaPolicies } from "../../bundle/opa/opa-policies.js";
import { OPA_POLICIES } from "../../core/bundle.js";
import { CheckFailedError, InputError } from "../shell/cli-error.js";
import { syncDirectory, systemReason } from "../../sdk/runtime/node/node-files.js";
import { shownPath } from "./found-files.js";

/** The policies of a kept version. */
export interface KeptPolicies {
  readonly mediaType: string;
  /** JSON texts. */
  readonly policiesJson: string;
  readonly scopePoliciesJson: string;
}

/**
 * Writes policies to a folder that does not exist yet or is empty: of kind OPA its files with a `.manifest`, so that the folder can be
 * published again as it is; of JSON `policies.json`, and `scope-policies.json` if there are any. All of them appear at once. Returns the
 * paths below the folder.
 *
 * @throws InputError when the folder has something already or cannot be written; CheckFailedError for a path that no server should have kept
 */
export async function writePolicies(folder: string, policies: KeptPolicies): Promise<readonly string[]> {
  const files = filesOf(policies);
  for (const path of files.keys()) requireSafe(folder, path);
  const whole = resolve(folder);
  const temporary = `${whole}.${randomUUID()}.tmp`;
  try {
    await requireEmpty(whole);
    for (const [path, text] of files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFile(join(temporary, path), text, { flag: "wx" });
    }
    await rename(temporary, whole);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    if (cause instanceof InputError) throw cause;
    throw new InputError(`cannot write ${folder}: ${systemReason(cause)}`, { cause });
  }
  await syncDirectory(dirname(whole));
  return [...files.keys()];
}

function filesOf({ mediaType, policiesJson, scopePoliciesJson }: KeptPolicies): ReadonlyMap<string, string> {
  if (mediaType !== OPA_POLICIES) {
    const scoped = scopePoliciesJson === "{}" ? [] : ([["scope-policies.json", `${scopePoliciesJson}\n`]] as const);
    return new Map([["policies.json", `${policiesJson}\n`], ...scoped]);
  }
  const { files, roots, regoVersion } = readOpaPolicies(policiesJson);
  return new Map([...files, [".manifest", `${JSON.stringify({ roots, rego_version: regoVersion })}\n`]]);
}

/** A server that others took over must not write outside of the folder. */
function requireSafe(folder: string, path: string): void {
  if ([".manifest", "policies.json", "scope-policies.json"].includes(path)) return;
  const problem = opaPathProblem(path);
  if (problem !== null) throw new CheckFailedError("malformed", `${shownPath(folder, path)} ${problem}`);
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cause;
  });
  if (names.length > 0) throw new InputError(`${folder} is not empty: name a folder that does not exist yet`);
}
