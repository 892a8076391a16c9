import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNobleSigner } from "../../../src/bundle/ed25519-noble.js";
import { signEnvelope } from "../../../src/bundle/envelope/dsse.js";
import { formatPrivateKey, formatPublicKey, parsePublicKey } from "../../../src/bundle/keys.js";
import { boundedEnvelope } from "../../../src/bundle/trust/threshold.js";
import { runSignet, type RunOptions, type RunResult } from "../in-process.js";

export const ORG = "0b0c0d0e-0000-4000-8000-000000000001";
export const PROJECT = "1b0c0d0e-0000-4000-8000-000000000001";

/** A directory of files for one test, with keys of people that need no passphrase. */
export class People implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "signet-trust-"));

  constructor(...names: readonly string[]) {
    for (const name of ["server", ...names]) {
      const { pem, publicPem } = keyOf(name);
      writeFileSync(this.file(`${name}.key`), pem, { mode: 0o600 });
      writeFileSync(this.file(`${name}.pub`), publicPem);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), "utf8");
  }

  write(name: string, text: string): string {
    writeFileSync(this.file(name), text);
    return this.file(name);
  }

  /** A command; words with `@` before them are files of this directory. */
  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const argv = command.split(" ").map((word) => (word.startsWith("@") ? this.file(word.slice(1)) : word));
    return await runSignet(argv, options);
  }

  /** As run, for a command that succeeds: its JSON. */
  async json(command: string, options: RunOptions = {}): Promise<Record<string, unknown>> {
    const { exitCode, out, err } = await this.run(`${command} --json`, options);
    if (exitCode !== 0) throw new Error(`${command}: ${exitCode} ${err}`);
    return JSON.parse(out) as Record<string, unknown>;
  }

  /** Root 1 in trust/, which the key root.key of this directory signed. */
  async init(more = ""): Promise<void> {
    await this.json(
      `trust init --dir @trust --keys @server.pub --key-out @root.key --no-passphrase --org ${ORG} --project ${PROJECT}${more}`,
    );
  }

  /** Signs and accepts the draft. */
  async accept(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.json(`trust sign --dir @trust --key @${key}.key`);
    await this.json("trust accept --dir @trust");
  }

  /** Replaces a root file by another payload that the key `name` signs. */
  async forge(file: string, change: (root: Record<string, unknown>) => object, name: string): Promise<void> {
    const { payload, payloadType } = boundedEnvelope(this.read(file).trim());
    const changed = change(JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>);
    const signer = createNobleSigner(this.read(`${name}.key`));
    const bytes = new TextEncoder().encode(JSON.stringify(changed));
    this.write(file, await signEnvelope(payloadType, bytes, signer, parsePublicKey(signer.publicKeyPem)));
  }
}

/** The same key for a name each time. */
export function keyOf(name: string): { readonly pem: string; readonly publicPem: string } {
  const seed = new Uint8Array(32);
  seed.set(new TextEncoder().encode(name).slice(0, 32));
  const pem = formatPrivateKey(seed);
  return { pem, publicPem: formatPublicKey(parsePublicKey(createNobleSigner(pem).publicKeyPem).bytes) };
}
