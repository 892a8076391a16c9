import { AppError } from "../../core/error.js";

/** A source that changes while its content is signed is read again this many times before the caller is told to retry. */
const TRIES = 5;

/** The environment changed since a bundle was signed for it: the bundle has to be signed anew. */
export class OutdatedDraftError extends Error {}

/**
 * Runs what reads a source, signs its content and then writes, again for as long as it answers null or throws OutdatedDraftError: the source,
 * or the environment that it was signed for, changed in between.
 * Throws `conflict` when it changes each time.
 */
export async function retryOnConflict<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const done = await attempt().catch((thrown: unknown) => {
      if (thrown instanceof OutdatedDraftError) return null;
      throw thrown;
    });
    if (done !== null) return done;
  }
  throw new AppError("conflict", "the source or target changes faster than it can be signed; retry");
}
