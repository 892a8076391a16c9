import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { decodeBase64 } from "../../bundle/base64.js";
import type { PublicKey } from "../../bundle/keys.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import type { Shell } from "../shell/shell.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { readPublicKey } from "./public-keys.js";

/** The options of {@link withDeviceOptions}. */
export interface DeviceOptions {
  readonly publicKey?: string;
  readonly signature?: string;
}

/** Adds `--public-key` and `--signature`. */
export function withDeviceOptions(command: Command): Command {
  return command
    .option("--signature <file>", "Ed25519 signature over the bytes of message: 64 bytes, or their base64")
    .option("--public-key <file>", "public key of the signature (PEM)");
}

/** A signature that a device made; null without the options. Throws UsageError for one of them alone, InputError for another file. */
export async function readDeviceSignature(
  shell: Shell,
  { publicKey, signature: file }: DeviceOptions,
): Promise<{ readonly key: PublicKey; readonly signature: Uint8Array } | null> {
  if (publicKey === undefined && file === undefined) return null;
  if (publicKey === undefined || file === undefined) throw new UsageError("--signature and --public-key go together");
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new InputError(`cannot read ${file}: ${systemReason(cause)}`, { cause });
  });
  const signature = bytes.length === 64 ? bytes : decodeBase64(bytes.subarray(0, 256).toString("latin1").trim());
  if (signature?.length !== 64) throw new InputError(`${file} is no Ed25519 signature: 64 bytes, or their base64`);
  return { key: (await readPublicKey(publicKey, shell)).key, signature };
}
