import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { anOrganization } from "../sample.js";
import { useDirectory } from "../temporary-store.js";
import { Child } from "./child.js";

const WRITE_FOR_EVER = `
  import { openSqliteStore } from "./src/store/sqlite/open.js";
  const [, , file, json] = process.argv;
  const store = await openSqliteStore({ file });
  for (let i = 0; ; i++) {
    const organization = { ...JSON.parse(json), id: "o-" + i, slug: "o-" + i };
    await store.write(async (tx) => {
      await tx.insertOrganization(organization);
      await tx.insertOrganization({ ...organization, id: "twin-" + i, slug: "twin-" + i });
    });
    console.log(organization.id);
  }
`;

describe("a process that is killed while it writes", () => {
  const directory = useDirectory();
  let child: Child | undefined;
  afterEach(() => child?.kill());

  it("loses nothing that was acknowledged, and leaves no half of a transaction", async () => {
    const file = path.join(directory.path, "signet.db");
    child = new Child(directory.path, WRITE_FOR_EVER, [file, JSON.stringify(anOrganization())]);
    await child.hasWritten(20);
    await child.kill();
    const acknowledged = child.lines;

    await using store = await openSqliteStore({ file });
    for (const id of acknowledged) expect(await store.read.organization(id)).not.toBeNull();
    const { total } = await store.read.organizations({ limit: 1, offset: 0 });
    expect(total % 2).toBe(0);
    expect(total).toBeGreaterThanOrEqual(acknowledged.length * 2);
  });
});
