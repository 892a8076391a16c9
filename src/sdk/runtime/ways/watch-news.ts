import { MAX_ROOTS_AT_ONCE } from "../../../bundle/trust/root.js";
import { TrustError } from "../../../bundle/trust/trust-error.js";
import type { UpdateSource } from "../../../bundle/trust/update.js";
import type { About, News } from "./rung.js";

/** A message of a watch, in whichever protocol it came. */
export type WatchMessage =
  | { readonly type: "root"; readonly version: number; readonly envelope: string }
  | {
      readonly type: "activation";
      readonly about: About;
      readonly attestation: string | null;
      readonly content: string;
    }
  | { readonly type: "other"; readonly about: About; readonly attestation: string | null };

/** Asks for what is active, apart from a watch. */
export interface LatestCalls {
  attestation(): Promise<string>;
  content(size: number): Promise<Uint8Array>;
}

/** The messages of a watch as something to verify. Roots are kept for the attestation that needs them, which follows. */
export async function* newsOf(messages: AsyncIterable<WatchMessage>, latest: LatestCalls): AsyncGenerator<News> {
  const roots = new Map<number, string>();
  const root = async (version: number) => roots.get(version) ?? null;
  let newest = 0;
  for await (const message of messages) {
    if (message.type === "root") {
      roots.set(message.version, message.envelope);
      newest = Math.max(newest, message.version);
      // Each is needed once, as many as one update takes; a server may send more.
      if (roots.size > MAX_ROOTS_AT_ONCE) roots.delete(Math.min(...roots.keys()));
      continue;
    }
    const { about, attestation } = message;
    if (message.type === "activation") {
      const source = pushedSource(root, attestation, message.content);
      yield { type: "proof", about, roots: newest, source, whole: null };
    } else if (attestation === null) yield { type: "alive" };
    else {
      const whole = async () => ({ root, ...latest });
      yield { type: "proof", about, roots: newest, source: pushedSource(root, attestation, null), whole };
    }
  }
}

function pushedSource(root: UpdateSource["root"], attestation: string | null, content: string | null): UpdateSource {
  return {
    root,
    async attestation() {
      if (attestation !== null) return attestation;
      throw new TrustError("malformed", "the activation has no attestation: none was sent, or it was taken away");
    },
    async content() {
      if (content !== null) return new TextEncoder().encode(content);
      throw new TrustError("malformed", "the attestation has no activation");
    },
  };
}
