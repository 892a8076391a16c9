import type { TokenReference } from "./config/agent-config.js";
import { readToken } from "./config/token.js";
import type { OutputLog } from "./outputs/output-log.js";

/**
 * A token that is read again for each call, so that a rotated one is used without a restart. While it cannot be read, the last one is
 * used, and the log says why.
 */
export class HeldToken {
  #token: string;
  #told = "";
  readonly #first: string;

  /** @throws AppError `unauthenticated` when there is no token to begin with */
  constructor(
    private readonly reference: TokenReference,
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly log: OutputLog,
  ) {
    this.#token = readToken(reference, environment);
    this.#first = this.#token;
  }

  /** Whether it is another one now than at the beginning. */
  get hasChanged(): boolean {
    return this.read() !== this.#first;
  }

  /** The token as it is now. */
  read(): string {
    try {
      this.#token = readToken(this.reference, this.environment);
      this.#told = "";
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (reason !== this.#told) this.log.error({ reason }, "the token cannot be read: the last one is used");
      this.#told = reason;
    }
    return this.#token;
  }
}
