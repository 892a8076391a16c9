import { basename } from "node:path";
import { printable } from "../../core/printable.js";

/** A file of policies of kind OPA before its text is read. */
export interface FoundFile {
  /** Below the folder or in the archive, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What a folder or an archive has. */
export interface FoundFiles {
  readonly files: readonly FoundFile[];
  /** The text of its `.manifest`; null without one. */
  readonly manifest: string | null;
  /** Paths that are no policies, such as README.md. */
  readonly leftOut: readonly string[];
}

/** What to do with a path: a file of the policies, its manifest, nothing, or a reason to stop. */
export type Role = "file" | "manifest" | "skip" | "left_out" | { readonly problem: string };

/** Which files are taken. */
export interface FileChoice {
  /** Leaves `*_test.rego` out, as `opa test` names its files. */
  readonly ignoreTests: boolean;
}

const DATA = new Set(["data.json", "data.yaml"]);

/**
 * What a file is by its path. Hidden files and signatures, which the server makes, are skipped. What looks like policies or data under a name
 * that OPA would not read is a problem: to leave it out would publish other policies than are there.
 */
export function roleOf(path: string, { ignoreTests }: FileChoice): Role {
  const name = basename(path);
  if (path === ".manifest") return "manifest";
  if (path.split("/").some((part) => part.startsWith(".") && part !== "." && part !== "..")) return "skip";
  if (name.endsWith("_test.rego") && ignoreTests) return "skip";
  if (name.endsWith(".rego") || DATA.has(name)) return "file";
  if (name === "data.yml") return { problem: "is data that an archive cannot have: name it data.yaml" };
  if (/\.(?:json|ya?ml)$/i.test(name))
    return {
      problem: "is no file that OPA reads: name it data.json or data.yaml, in a folder of its own, or remove it",
    };
  if (/\.(?:wasm|pb|manifest|rego)$/i.test(name)) return { problem: "cannot be published: only *.rego and data" };
  return "left_out";
}

/** How paths are named in an error. */
export function shownPath(source: string, path: string): string {
  return printable(`${source}: ${path}`);
}
