import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { runExecutable, startExecutable } from "../support/executable.js";
import { useDirectory } from "../store/temporary-store.js";

const directory = useDirectory();

it(
  "the executable shows itself in an empty directory (1 step), and what it prints works",
  { timeout: 300_000 },
  async () => {
    await using quickstart = await startExecutable(directory.path, ["quickstart", "--port", "0"]);
    await quickstart.line(/^signet help lists all commands\.$/);
    const pushes = quickstart.out
      .split("\n")
      .filter((line) => /sequence \d+ +verified by the runtime in \d+ ms$/.test(line));
    expect(pushes).toHaveLength(3);
    const [, SIGNET_URL = ""] = /The server stays up at (http:\/\/127\.0\.0\.1:\d+)/.exec(quickstart.out) ?? [];
    expect(quickstart.out).toContain(`The API as a page: ${SIGNET_URL}/docs`);
    expect((await fetch(`${SIGNET_URL}/docs`)).status).toBe(200);
    expect(readdirSync(directory.path)).toEqual(["data"]);
    const listed = await runExecutable(directory.path, ["bundles", "--env", "prod"], { SIGNET_URL });
    expect(listed).toMatchObject({ exitCode: 0, err: "" });
    quickstart.child.kill("SIGINT");
    expect(await quickstart.exit).toBe(0);
  },
);
