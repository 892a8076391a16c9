import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { readServerCertificate } from "../../src/tls/certificate.js";
import { watchCertificate } from "../../src/tls/certificate-watch.js";
import { selfSigned, type SelfSigned } from "../outbound/self-signed.js";

const DAY_MS = 86_400_000;
const NEVER_MS = 2 ** 30;
const first = selfSigned("first.example");

/** A directory with a certificate, watched. */
async function openWatched(times: { settleMs?: number; pollMs?: number } = {}, link = "") {
  const directory = mkdtempSync(join(tmpdir(), "signet-watch-"));
  const at = (name: string) => join(directory, name);
  const write = ({ cert, key }: Partial<SelfSigned>, folder = ".") => {
    mkdirSync(join(directory, folder), { recursive: true });
    if (cert !== undefined) writeFileSync(join(directory, folder, "tls.crt"), cert);
    if (key !== undefined) writeFileSync(join(directory, folder, "tls.key"), key);
  };
  if (link === "") {
    write(first);
  } else {
    // As kubelet does it: names → ..data/name, ..data → a directory of this version.
    write(first, "..v1");
    symlinkSync("..v1", at("..data"));
    for (const name of ["tls.crt", "tls.key"]) symlinkSync(join("..data", name), at(name));
  }
  /** At once: no reader sees half of it. */
  const replace = (pair: Partial<SelfSigned>) => {
    write(pair, "tmp");
    if (pair.key !== undefined) renameSync(at("tmp/tls.key"), at("tls.key"));
    if (pair.cert !== undefined) renameSync(at("tmp/tls.crt"), at("tls.crt"));
  };
  const used: string[] = [];
  const logLines: { level: number; msg: string; reason?: string }[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logLines.push(JSON.parse(chunk.toString()) as (typeof logLines)[number]);
      done();
    },
  });
  const files = { cert: at("tls.crt"), key: at("tls.key"), clientCa: null };
  const clock = { time: new Date(), now: () => clock.time, monotonicMs: () => 0 };
  const watching = watchCertificate({
    files,
    current: await readServerCertificate(files, clock.now()),
    use: ({ material }) => void used.push(material.cert),
    settleMs: times.settleMs ?? 1,
    pollMs: times.pollMs ?? NEVER_MS,
    clock,
    log: pino({}, sink),
  });
  const refusals = () => logLines.filter(({ level }) => level === 50).map(({ reason }) => reason);
  return {
    ...{ at, write, replace, used, logLines, refusals, watching, clock },
    async [Symbol.asyncDispose]() {
      await watching[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describe("the certificate's files", () => {
  it("that are replaced by rename are put to use, and the log says so", async () => {
    await using watched = await openWatched({ settleMs: 50 });
    const next = selfSigned("next.example");
    watched.replace(next);
    await expect.poll(() => watched.used).toEqual([next.cert]);
    expect(watched.logLines.map(({ msg }) => msg)).toEqual(["the TLS certificate was replaced"]);
    expect(JSON.stringify(watched.logLines)).not.toContain(next.key.split("\n")[1]);
  });

  it("that are swapped by a symbolic link, as Kubernetes does, are put to use", async () => {
    await using watched = await openWatched({}, "..data");
    const next = selfSigned("next.example");
    watched.write(next, "..v2");
    symlinkSync("..v2", watched.at("..data_tmp"));
    renameSync(watched.at("..data_tmp"), watched.at("..data"));
    await expect.poll(() => watched.used).toEqual([next.cert]);
    expect(watched.refusals()).toEqual([]);
  });

  it("that are written in place, piece by piece, are put to use when they fit", async () => {
    await using watched = await openWatched();
    const next = selfSigned("next.example");
    watched.write({ cert: next.cert.slice(0, 200) });
    await expect.poll(() => watched.refusals().at(-1)).toContain("truncated");
    watched.write({ cert: next.cert });
    await expect.poll(() => watched.refusals().at(-1)).toContain("does not belong");
    expect(watched.used).toEqual([]);
    watched.write({ key: next.key });
    await expect.poll(() => watched.used).toEqual([next.cert]);
  });

  it("that tell of no change are read now and then", async () => {
    await using watched = await openWatched({ settleMs: NEVER_MS, pollMs: 5 });
    const next = selfSigned("next.example");
    watched.write(next);
    await expect.poll(() => watched.used).toEqual([next.cert]);
  });

  it("may be wanted sooner (SIGHUP)", async () => {
    await using watched = await openWatched({ settleMs: NEVER_MS });
    const next = selfSigned("next.example");
    watched.write(next);
    await watched.watching.reload();
    expect(watched.used).toEqual([next.cert]);
  });

  it("that did not change are left alone, and only who asks is told so", async () => {
    await using watched = await openWatched({ settleMs: NEVER_MS, pollMs: 1 });
    await watched.watching.reload();
    watched.replace(first);
    await watched.watching.reload();
    expect(watched.used).toEqual([]);
    const unchanged = expect.objectContaining({ msg: "the TLS certificate is unchanged" }) as unknown;
    expect(watched.logLines).toEqual([unchanged, unchanged]);
  });
});

describe("a certificate that cannot be used", () => {
  it("is refused once in the log, however often it is read, and again when somebody asks", async () => {
    await using watched = await openWatched({ pollMs: 2 });
    const expired = selfSigned("expired.example", ["200101000000Z", "200102000000Z"]);
    watched.replace({ cert: expired.cert });
    await expect.poll(watched.refusals).toEqual([expect.stringMatching(/tls\.crt expired on Jan {2}2 .* 2020/)]);
    await watched.watching.reload();
    expect(watched.refusals()).toHaveLength(2);
    expect(watched.used).toEqual([]);
  });

  it("is put to use when its time comes", async () => {
    await using watched = await openWatched({ settleMs: NEVER_MS });
    const utc = (time: number) => `${new Date(time).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`;
    const soon = selfSigned("soon.example", [utc(Date.now() + DAY_MS), utc(Date.now() + 3 * DAY_MS)]);
    watched.write(soon);
    await watched.watching.reload();
    expect(watched.refusals()).toEqual([expect.stringContaining("is not valid before")]);
    watched.clock.time = new Date(Date.now() + 2 * DAY_MS);
    await watched.watching.reload();
    expect(watched.used).toEqual([soon.cert]);
  });

  it("because it is gone leaves the one before, and comes back", async () => {
    await using watched = await openWatched({ settleMs: NEVER_MS });
    rmSync(watched.at("tls.key"));
    await watched.watching.reload();
    expect(watched.refusals()).toEqual([expect.stringContaining("ENOENT")]);
    watched.write(first);
    await watched.watching.reload();
    expect(watched.refusals()).toHaveLength(1);
    expect(watched.used).toEqual([]);
  });
});
