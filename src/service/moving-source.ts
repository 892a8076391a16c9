import { AppError } from "../core/error.js";

/** A source that changes while its content is signed is read again this often before the caller is told to come back. */
const TRIES = 5;

/**
 * Runs what reads a source, signs its content and then writes, again for as long as it answers null: the source changed in between.
 * Throws `conflict` when it changes each time.
 */
export async function whileSourceMoves<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const done = await attempt();
    if (done !== null) return done;
  }
  throw new AppError("conflict", "the source changes faster than it can be promoted; try again");
}
