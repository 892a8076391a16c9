/**
 * How long the checks of the agent hold its event loop, with two plain documents of the largest size that a server accepts. Each line is
 * the median of three turns.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { checkDocument } from "../src/agent/source/document-check.js";
import { checkOpaArchive, opaBundleOf } from "../src/agent/source/opa-check.js";
import { signedOpaFiles } from "../src/bundle/opa/opa-bundle.js";
import { canonicalContent, contentText } from "../src/bundle/policy-hash.js";
import { MAX_OPA_BYTES } from "../src/bundle/opa/opa-policies.js";
import { formatUstarMember, ustarEnd } from "../src/tar/ustar.js";

const IDENTITY = {
  ...{ orgId: "0b0c0d0e-0000-4000-8000-000000000001", projectId: "0b0c0d0e-0000-4000-8000-000000000002" },
  environment: "prod",
};
const BUNDLE_ID = "0b0c0d0e-0000-4000-8000-000000000003";

const rules = Array.from({ length: 260_000 }, (_, n) => ({
  id: `rule-${n}`,
  effect: n % 2 ? "allow" : "deny",
  tags: ["a", "b"],
  n,
}));
const CONTENTS: readonly (readonly [name: string, mediaType: string, policies: string])[] = [
  ["260,000 rules", "application/json", JSON.stringify({ rules })],
  ["one text", "application/json", JSON.stringify({ text: "x".repeat(MAX_OPA_BYTES - 100) })],
];

/** Processor time: on a machine that does nothing else, so long nothing else goes on in the process. */
async function heldMs(work: () => unknown): Promise<number> {
  const turns: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    turns.push((user + system) / 1000);
  }
  return turns.toSorted((a, b) => a - b)[1] ?? NaN;
}

/** Prints a line for each check of each content. */
export async function benchAgentChecks(): Promise<void> {
  for (const [name, mediaType, policies] of CONTENTS) {
    const content = Buffer.from(contentText(canonicalContent(policies, "{}")));
    const policyHash = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const document = Buffer.from(
      `{"version":1,"bundle_id":"${BUNDLE_ID}","org_id":"${IDENTITY.orgId}","project_id":"${IDENTITY.projectId}",` +
        `"environment":"prod","published_at":"2026-03-01T12:00:00Z","policy_hash":"${policyHash}","policies":${policies},` +
        `"scope":{},"scope_policies":{}}`,
    );
    const documentDigest = createHash("sha256").update(document).digest("hex");
    const facts = { identity: IDENTITY, bundleId: BUNDLE_ID, documentDigest, content };
    const activation = { ...IDENTITY, sequence: 1, version: 1, activatedAt: "2026-03-01T12:00:00Z", policyHash };
    const bundleFor = (keyId: string) => opaBundleOf(activation, mediaType, content, keyId);
    const members = signedOpaFiles(bundleFor("key-1"), new Uint8Array(64));
    const archive = gzipSync(
      Buffer.concat([...members.map((file) => formatUstarMember(file.name, file.bytes)), ustarEnd()]),
    );
    const lines = [
      ["document", await heldMs(() => checkDocument(document, facts))],
      ["files of the OPA bundle", await heldMs(() => bundleFor(""))],
      ["OPA archive", await heldMs(() => checkOpaArchive(archive, bundleFor))],
    ] as const;
    for (const [what, ms] of lines)
      console.log(`${name} (${(content.length / 2 ** 20).toFixed(1)} MiB): ${what}: ${ms.toFixed(0)} ms`);
  }
}
