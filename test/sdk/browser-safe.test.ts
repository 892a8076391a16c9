import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const sdk = join(import.meta.dirname, "../../src/sdk");

it("imports nothing that only Node has, outside of the entry for Node", () => {
  const offenders = readdirSync(sdk, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/(^|\/)node[-.]/.test(name))
    .flatMap((name) => {
      const imports = readFileSync(join(sdk, name), "utf8").matchAll(/from "([^"]+)"/g);
      return [...imports].map(([, from = ""]) => `${name}: ${from}`);
    })
    .filter((line) => /: (node:|@connectrpc\/connect-node|\.\.?\/node[-.])/.test(line));
  expect(offenders).toEqual([]);
});
