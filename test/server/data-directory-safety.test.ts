import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataDirectory } from "../../src/server/database/data-directory.js";
import { lockDataDirectory } from "../../src/store/sqlite/lock.js";
import { useDirectory } from "../store/temporary-store.js";

const isRoot = process.geteuid?.() === 0;

describe("a data directory", () => {
  const directory = useDirectory();
  const data = (name = "") => join(directory.path, "data", name);
  const open = () =>
    openDataDirectory({
      ...{ path: data(), signingKey: null, synchronous: "normal", create: true, nativeDirectory: null },
    });
  const make = async () => {
    await using made = await open();
    return made.path;
  };

  it("that Signet made is opened again", async () => {
    await make();
    await using again = await open();
    expect(again.isNew).toBe(false);
  });

  it.each<[string, () => void, RegExp]>([
    [
      "that its group may write to",
      () => chmodSync(data(), 0o770),
      /can be changed by others \(mode 0770\); chmod 700 /,
    ],
    [
      "that everybody may write to",
      () => chmodSync(data(), 0o1777),
      /can be changed by others.*name a directory inside/,
    ],
    [
      "whose audit key others may read",
      () => chmodSync(data("audit-signing-key.pem"), 0o644),
      /read by others.*chmod 600/,
    ],
    [
      "whose bundle key its group may read",
      () => chmodSync(data("bundle-signing-key.pem"), 0o640),
      /be read by others/,
    ],
    [
      "whose announced next key others may read",
      () => writeFileSync(data("bundle-signing-key.next.pem"), "", { mode: 0o644 }),
      /bundle-signing-key\.next\.pem can be read by others/,
    ],
    [
      "whose prepared admin token others may read",
      () => writeFileSync(data("admin-token.next"), "", { mode: 0o644 }),
      /admin-token\.next can be read by others/,
    ],
    ["whose database others may write to", () => chmodSync(data("signet.db"), 0o666), /signet\.db can be changed/],
    [
      "whose key is a link",
      () => {
        renameSync(data("audit-signing-key.pem"), join(directory.path, "elsewhere.pem"));
        symlinkSync(join(directory.path, "elsewhere.pem"), data("audit-signing-key.pem"));
      },
      /audit-signing-key\.pem is a link/,
    ],
    [
      "whose database is a link",
      () => {
        renameSync(data("signet.db"), join(directory.path, "elsewhere.db"));
        symlinkSync(join(directory.path, "elsewhere.db"), data("signet.db"));
      },
      /signet\.db is a link/,
    ],
    ["in which a name is a directory's", () => mkdirSync(data("signet.pid")), /signet\.pid is not a regular file/],
  ])("%s is refused, with what to do", async (_, change, message) => {
    await make();
    change();
    await expect(open()).rejects.toMatchObject({ code: "unavailable", message: expect.stringMatching(message) });
  });

  // Only root can give files away.
  describe.runIf(isRoot)("of another user", () => {
    it.each<[string, () => void]>([
      ["with a key planted in it", () => {}],
      ["of which only the database is", () => chownSync(data(), 0, 0)],
    ])("%s is refused", async (_, giveBack) => {
      mkdirSync(data(), { mode: 0o700 });
      writeFileSync(data("signet.db"), "");
      for (const name of ["", "signet.db"]) chownSync(data(name), 1234, 1234);
      giveBack();
      const message = expect.stringMatching(
        /belongs to user 1234.*runs as user 0; run Signet as that user, or .*chown/,
      );
      await expect(open()).rejects.toMatchObject({ code: "unavailable", message });
      expect(existsSync(data("audit-signing-key.pem"))).toBe(false);
    });

    it("as Kubernetes hands it over to a group of the process's is taken", async () => {
      mkdirSync(data(), { mode: 0o700 });
      chownSync(data(), 0, 1234);
      chmodSync(data(), 0o2770);
      const { geteuid, getegid, setegid, seteuid } = process;
      if (!geteuid || !getegid || !setegid || !seteuid) throw new Error("no accounts here");
      chmodSync(directory.path, 0o755);
      setegid(1234);
      seteuid(1234);
      try {
        await make();
        chmodSync(data("audit-signing-key.pem"), 0o660);
        await make();
      } finally {
        seteuid(0);
        setegid(0);
      }
    });
  });

  it("whose signet.pid became a link while it was checked is locked all the same, and nothing is written through it", async () => {
    const target = join(directory.path, "target");
    writeFileSync(target, "as it was");
    mkdirSync(data(), { mode: 0o700 });
    symlinkSync(target, data("signet.pid"));
    await using lock = lockDataDirectory(data());
    expect(lock.directory).toBe(data());
    expect(readFileSync(target, "utf8")).toBe("as it was");
  });
});
