import { AppError } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import { verifyChain } from "../../service/audit/audit-verify.js";
import { BundleVerifier } from "../../service/bundles/bundle-verifier.js";
import { verifyKeptDocument } from "../../service/documents/kept-document.js";
import type { KeyRing } from "../../service/keys/key-ring.js";
import type { Reader } from "../../store/store.js";
import type { MoveProgress, MoveWatch } from "./progress.js";

/** Organizations and environments of one read. */
const PAGE = 100;
/** Events that are verified between two signs of life. */
const EVENTS = 5_000;

/** What was verified. */
export interface Verified {
  readonly auditEvents: number;
  /** Active bundles. */
  readonly bundles: number;
}

/**
 * Verifies the audit chain of every organization and the signatures of every active bundle, as they are read from the new store. Throws
 * `data_loss` that names what is wrong.
 */
export async function verifyMoved(
  read: Reader,
  ring: KeyRing,
  totals: { readonly auditEvents: number; readonly environments: number },
  watch: MoveWatch,
): Promise<Verified> {
  return {
    auditEvents: await verifyAudit(read, ring, totals.auditEvents, watch),
    bundles: await verifyActive(read, ring, totals.environments, watch),
  };
}

async function verifyAudit(read: Reader, ring: KeyRing, total: number, watch: MoveWatch): Promise<number> {
  let done = 0;
  for (let offset = 0; ; offset += PAGE) {
    const { rows } = await read.organizations({ limit: PAGE, offset });
    if (rows.length === 0) return done;
    for (const { id, slug } of rows) {
      const newest = (await read.auditHead(id))?.id ?? 0;
      for (let from = 0; from < newest; from += EVENTS) {
        const { valid, checked, firstBroken, reason } = await verifyChain(read, ring, id, EVENTS, undefined, from);
        if (!valid) {
          const where = `event ${firstBroken ?? 0} of the audit of ${slug}`;
          throw new AppError("data_loss", `${where} is broken: ${reason ?? "unknown"}`);
        }
        done += checked;
        tell(watch, "verifying the audit", done, total);
        await nextTurn();
      }
    }
  }
}

async function verifyActive(read: Reader, ring: KeyRing, total: number, watch: MoveWatch): Promise<number> {
  const documents = {
    verify: async (_owner: unknown, document: string, publicKey: Uint8Array) => verifyKeptDocument(document, publicKey),
  };
  const verifier = new BundleVerifier({ ring, documents });
  let bundles = 0;
  let done = 0;
  for (let after = ""; ;) {
    const environments = await read.environmentsAfter(after, PAGE);
    if (environments.length === 0) return bundles;
    for (const environment of environments) {
      after = environment.id;
      done += 1;
      tell(watch, "verifying bundles", done, total);
      if (environment.activeBundleId === null) continue;
      const bundle = await read.bundleById(environment.activeBundleId);
      const content = bundle === null ? null : await read.content(bundle.contentId);
      if (bundle === null || content === null) {
        throw new AppError("data_loss", `the active bundle of the environment ${environment.id} is not there`);
      }
      await verifier.require(bundle, content, environment);
      bundles += 1;
      await nextTurn();
    }
  }
}

function tell({ onProgress, signal }: MoveWatch, step: MoveProgress["step"], done: number, total: number): void {
  signal.throwIfAborted();
  onProgress({ step, table: null, place: 0, places: 0, done, total });
}
