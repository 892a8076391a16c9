import { scanStrictJson } from "../../bundle/strict-json.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { utf8Text } from "./utf8-text.js";

/** Above the nesting that a server takes. */
const MAX_LEVELS = 128;

/** A content, parsed. */
export interface ParsedContent {
  readonly text: string;
  readonly policies: Readonly<Record<string, unknown>>;
  readonly scopePolicies: Readonly<Record<string, unknown>>;
}

/** By digest: the runtimes of a process that have the same content share it, for as long as one has it. */
const parsed = new Map<string, WeakRef<ParsedContent>>();
const forgotten = new FinalizationRegistry((digest: string) => {
  if (parsed.get(digest)?.deref() === undefined) parsed.delete(digest);
});

/**
 * Parses content whose SHA-256 was compared, and freezes it.
 *
 * @param digest the SHA-256 of the bytes
 * @throws TrustError `malformed` for anything but `{"policies": {…}, "scope_policies": {…}}` in UTF-8, without duplicate keys, the key
 *   `__proto__` and half surrogates, at most 128 levels deep
 */
export function parseContent(bytes: Uint8Array, digest: string): ParsedContent {
  const known = parsed.get(digest)?.deref();
  if (known !== undefined) return known;
  const text = utf8Text(bytes, "the content");
  const { policies, scope_policies: scopePolicies } = objectOf(text);
  if (!isRecord(policies) || !isRecord(scopePolicies)) {
    throw new TrustError("malformed", "the content has no policies or no scope_policies");
  }
  const content = { text, policies: frozen(policies), scopePolicies: frozen(scopePolicies) };
  parsed.set(digest, new WeakRef(content));
  forgotten.register(content, digest);
  return content;
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    // What another parser would read differently is refused, as in the SDKs of other languages.
    scanStrictJson(text, { maxDepth: MAX_LEVELS, anyNumber: true, base: ["content"] });
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch (cause) {
    throw new TrustError("malformed", "the content is not strict JSON", { cause });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without recursion: nesting may be deeper than the stack. */
function frozen<T extends object>(root: T): T {
  const open: object[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    Object.freeze(value);
    for (const part of Object.values(value) as unknown[]) {
      if (typeof part === "object" && part !== null) open.push(part);
    }
  }
  return root;
}
