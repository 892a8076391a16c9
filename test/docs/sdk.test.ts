import { expect, it } from "vitest";
import { createFetchTransport, createSignetClient } from "../../src/sdk/index.js";
import { readPage } from "./pages.js";

it("docs/sdk.md names every service of the client", () => {
  const transport = createFetchTransport({ url: "http://127.0.0.1:1", timeoutMs: 1 });
  const client = createSignetClient({ transport, token: "t" });
  const [, paragraph = ""] = /^\*\*Services\.\*\* ([^]*?): one method/m.exec(readPage("docs/sdk.md")) ?? [];
  const named = [...paragraph.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys(client).toSorted());
});
