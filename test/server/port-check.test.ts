import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer } from "../../src/server/server.js";

const folder = mkdtempSync(join(tmpdir(), "signet-port-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a first start whose port is in use", () => {
  it("fails before it makes a data directory", async () => {
    const taken = createServer();
    await once(taken.listen(0, "127.0.0.1"), "listening");
    const port = String((taken.address() as AddressInfo).port);
    const data = join(folder, "data");
    const config = loadConfig({}, { port, data, logLevel: "silent" });
    await expect(startServer(config)).rejects.toMatchObject({ code: "conflict", reason: "port_taken" });
    expect(existsSync(data)).toBe(false);
    await once(taken.close(), "close");
    await using server = await startServer(config);
    expect(server.firstStart).not.toBeNull();
  });
});
