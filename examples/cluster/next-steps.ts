import type { NodeProcess } from "./node-process.js";

/** Commands to type next, in another terminal in the same directory. The text has no token, only the file that has it. */
export function nextSteps(url: string, tokenFile: string, nodes: readonly NodeProcess[]): string {
  const [survivor] = nodes;
  const lines = [
    `export SIGNET_URL=${url} SIGNET_TOKEN_FILE=${tokenFile}`,
    "npx signet nodes",
    "npx signet publish --env dev -f examples/policies/guardrails.json",
    "npx signet bundles --env dev",
    `kill -9 ${survivor?.pid}      # ${survivor?.name}: one node is left, and serves all`,
    "npx signet nodes",
    "npx signet audit verify",
  ];
  return `
The cluster stays up at ${url} until you press Ctrl-C.

In another terminal, here:

${lines.map((line) => `   ${line}`).join("\n")}

docs/scale.md goes on from here.`;
}
