import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/api/listener/limits.js";
import { loadConfig } from "../../src/config/config.js";
import { LIMIT_SETTINGS, listenerLimits } from "../../src/config/limit-settings.js";
import { LIMITS } from "../../src/core/limit.js";

const limitsDocument = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");

describe("the settings of limits", () => {
  it("headers never have more time than the request: Node would not start with it", () => {
    const { headersTimeoutMs, requestTimeoutMs } = listenerLimits(loadConfig({ SIGNET_REQUEST_TIMEOUT_MS: "5000" }), 0);
    expect([headersTimeoutMs, requestTimeoutMs]).toEqual([5000, 5000]);
  });

  it("connections of one address have no limit of their own behind a proxy: all are the proxy's", () => {
    const config = loadConfig({ SIGNET_MAX_CONNECTIONS_PER_ADDRESS: "7" });
    expect(listenerLimits(config, 0).maxConnectionsPerAddress).toBe(7);
    expect(listenerLimits(config, 1).maxConnectionsPerAddress).toBe(Infinity);
  });

  it.each(Object.values(LIMIT_SETTINGS))("$env is in docs/limits.md with its default", ({ env, fallback }) => {
    expect(limitsDocument).toMatch(new RegExp(`\`${env}\`\\s+\\((default )?${fallback}\\)`));
  });

  it.each(LIMITS)("%s is in docs/limits.md", (limit) => {
    const names = [`\`${limit}\``, `\`SIGNET_${limit.toUpperCase()}\``];
    expect(names.filter((name) => limitsDocument.includes(name))).not.toEqual([]);
  });

  it("give the port what it has without any", () => {
    expect(listenerLimits(loadConfig({}), 0)).toEqual(DEFAULT_LIMITS);
  });
});
