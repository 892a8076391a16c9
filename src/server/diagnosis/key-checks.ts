import { AppError } from "../../core/error.js";
import { KEY_PURPOSES } from "../../core/key.js";
import { fine, problem, warning, type Finding } from "../../core/finding.js";
import type { Check, Subject } from "./check.js";

/** Whether the signing keys are there, usable, and recorded for those who verify. */
export const KEYS: Check = {
  id: "signing-keys",
  async run(subject) {
    const { keys, read, ring } = subject;
    const findings: Finding[] = [];
    if (keys.problem !== null) {
      const text = `the bundle signing key cannot be used: ${keys.problem}`;
      findings.push(problem("signing-keys", text, "restore the key file from a backup, and restart the server"));
    }
    for (const purpose of KEY_PURPOSES) {
      const { keyId } = keys[purpose];
      if (keyId === "") continue;
      const record = await read.publicKey(keyId);
      if (record?.purpose === purpose && (await ring.trusts(record))) continue;
      const text = `the key ${keyId} of ${purpose} is not recorded in the database, or not endorsed`;
      findings.push(
        problem("signing-keys", text, "restart the server, which records its keys; else restore the key files"),
      );
    }
    findings.push(...(await unendorsed(subject)));
    return findings.length > 0 ? findings : [fine("signing-keys", "all are usable and match their records")];
  },
};

async function unendorsed({ ring }: Subject): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const purpose of KEY_PURPOSES) {
    const { untrustedIds } = await ring.sorted(purpose);
    if (untrustedIds.length === 0) continue;
    const text = `the database has keys of ${purpose} that no key of this server endorses: ${untrustedIds.slice(0, 5).join(", ")}`;
    const remedy = "they count for nothing; find out which program or restore added them (docs/security.md)";
    findings.push(warning("signing-keys", text, remedy));
  }
  return findings;
}

/** Whether no other account can read the keys, or change anything in the data directory. */
export const MODES: Check = {
  id: "data-directory",
  async run({ checkModes }) {
    try {
      checkModes();
      return [fine("data-directory", "owners and modes keep other accounts out")];
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return [problem("data-directory", error.message, "correct owner and mode as the text says")];
    }
  },
};
