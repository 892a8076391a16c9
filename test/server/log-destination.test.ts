import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogDestination, takeByFile, takeByStream } from "../../src/server/log-destination.js";

const noSpace = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

/** A file on a disk that has room for so many bytes. */
function diskOf(bytes: number) {
  const disk = { room: bytes, text: "" };
  const write = (_fd: number, line: Buffer) => {
    if (disk.room === 0) throw noSpace();
    const written = Math.min(line.length, disk.room);
    disk.room -= written;
    disk.text += line.subarray(0, written).toString();
    return written;
  };
  return { disk, destination: createLogDestination(takeByFile(2, write)) };
}

describe("a full disk under the log", () => {
  it("drops lines and counts them, and throws nothing", () => {
    const { disk, destination } = diskOf(4);
    for (const line of ["a\n", "b\n", "c\n", "d\n"]) destination.write(line);
    expect(disk.text).toBe("a\nb\n");
    expect(destination.dropped).toBe(2);
  });

  it("is told of in one line before the next that is written", () => {
    const { disk, destination } = diskOf(2);
    for (const line of ["a\n", "b\n", "c\n"]) destination.write(line);
    disk.room = 10_000;
    for (const line of ["d\n", "e\n"]) destination.write(line);
    const [first, told = "", ...rest] = disk.text.trimEnd().split("\n");
    expect([first, ...rest]).toEqual(["a", "d", "e"]);
    expect(JSON.parse(told)).toMatchObject({ level: 40, lines: 2, reason: "ENOSPC", msg: "log lines were dropped" });
    expect(destination.dropped).toBe(2);
  });

  it("leaves no line glued to one that was cut", () => {
    const { disk, destination } = diskOf(3);
    for (const line of ["a\n", "bcd\n"]) destination.write(line);
    disk.room = 10_000;
    destination.write("e\n");
    expect(disk.text.split("\n").map((line) => (line.startsWith("{") ? "told" : line))).toEqual([
      "a",
      "b",
      "told",
      "e",
      "",
    ]);
  });
});

describe("a reader that does not follow", () => {
  it("has a bounded number of lines kept for it, and hears how many were dropped when it reads again", async () => {
    let text = "";
    let isReading = false;
    let readOn: () => void = () => undefined;
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        if (isReading) done();
        else readOn = done;
      },
    });
    const destination = createLogDestination(takeByStream(stream));
    const line = `${"x".repeat(1_023)}\n`;
    for (let n = 0; n < 3_000; n += 1) destination.write(line);
    const { dropped } = destination;
    expect(dropped).toBe(3_000 - 1_024);
    expect(stream.writableLength).toBe(1 << 20);
    const drained = once(stream, "drain");
    isReading = true;
    readOn();
    await drained;
    destination.write("after\n");
    await new Promise<void>((resolve) => stream.end(resolve));
    const lines = text.trimEnd().split("\n");
    expect(lines).toHaveLength(1_024 + 2);
    expect(JSON.parse(lines.at(-2) ?? "")).toMatchObject({ lines: dropped, reason: "the reader does not follow" });
    expect(lines.at(-1)).toBe("after");
    expect(destination.dropped).toBe(dropped);
  });

  it("that is gone is counted as well", () => {
    const stream = new PassThrough();
    stream.destroy();
    const destination = createLogDestination(takeByStream(stream));
    destination.write("a\n");
    expect(destination.dropped).toBe(1);
  });
});
