import { describe, expect, it } from "vitest";
import { formatLogLine } from "../../src/server/log-text.js";
import { createLogger } from "../../src/server/logger.js";

const TIME = "2026-04-22T12:00:00.123Z";

describe("a log line for people", () => {
  it.each([
    [{ level: 30, time: TIME, msg: "listening", port: 8080 }, "2026-04-22 12:00:00.123Z INFO  listening port=8080\n"],
    [{ level: 40, time: TIME, msg: "a", path: "/v1 b" }, '2026-04-22 12:00:00.123Z WARN  a path="/v1 b"\n'],
    [{ level: 30, time: TIME, msg: "a", x: "b=c", y: ["d"] }, '2026-04-22 12:00:00.123Z INFO  a x="b=c" y=["d"]\n'],
    [
      {
        level: 50,
        time: TIME,
        msg: "bad",
        err: { message: "it broke", stack: "Error: it broke\n    at f (a.ts:1:2)" },
      },
      '2026-04-22 12:00:00.123Z ERROR bad error="it broke"\n    at f (a.ts:1:2)\n',
    ],
    [
      { level: 40, time: TIME, msg: "w", err: { message: "m", stack: "s\nt" } },
      `2026-04-22 12:00:00.123Z WARN  w error="m"\n`,
    ],
  ])("%j", (entry, text) => {
    expect(formatLogLine(`${JSON.stringify(entry)}\n`, false)).toBe(text);
  });

  it("colors the level alone", () => {
    const entry = JSON.stringify({ level: 40, time: TIME, msg: "m" });
    expect(formatLogLine(entry, true)).toBe("2026-04-22 12:00:00.123Z \u001b[33mWARN \u001b[0m m\n");
  });

  it("cannot be forged or steer the terminal by what others wrote", () => {
    const lines: string[] = [];
    const log = createLogger("info", { write: (line) => void lines.push(line) }, { format: "text", color: false });
    log.info({ agent: "a\n2026 FATAL \u001b[2J\u202e", "k\u001b": 1 }, "m\r\nforged\u009b");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it("is unchanged when it is none", () => {
    expect(formatLogLine("not JSON\n", false)).toBe("not JSON\n");
  });
});
