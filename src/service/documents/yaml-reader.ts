import { once } from "node:events";
import { invalidField, type AppError } from "../../core/error.js";
import { FairScheduler, type WorkOwner } from "../../core/schedule/fair-scheduler.js";
import type { YamlAnswer } from "../../yaml/yaml-thread.js";
import { startThread } from "./start-thread.js";

/** Of one YAML text, in UTF-16 units. JSON has the larger limit of the request. */
export const MAX_YAML_LENGTH = 256 * 1024;

/** A text with as many tokens as it may have takes less than half of it. */
const MAX_HEAP_MIB = 192;

export interface YamlReaderOptions {
  /** For one text. */
  readonly timeoutMs: number;
  /** Texts that wait for their turn. */
  readonly maxWaiting: number;
}

/**
 * Turns YAML into JSON beside the event loop, one text after the other, each in a thread of its own that is bounded in time and memory.
 * Those who wait take turns by organization and token.
 */
export class YamlReader {
  readonly #scheduler: FairScheduler;

  constructor(private readonly options: YamlReaderOptions) {
    const refusal = { message: "too many YAML documents wait to be read", reason: "too_many_documents" };
    this.#scheduler = new FairScheduler({ concurrency: 1, maxWaiting: options.maxWaiting, refusal });
  }

  /**
   * The JSON text of a YAML 1.2 document (core schema; see yamlToJson).
   *
   * Throws `invalid` about `field` for what is no such document, too long, or takes too much time or memory; `unavailable` when too
   * many wait already.
   */
  async toJson(owner: WorkOwner, field: string, text: string): Promise<string> {
    if (text.length > MAX_YAML_LENGTH) throw yamlTooLong(field);
    using _lease = await this.#scheduler.acquire(owner);
    return await this.#read(field, text);
  }

  async #read(field: string, text: string): Promise<string> {
    const answer = await this.#converted(field, text);
    if ("json" in answer) return answer.json;
    const { line, column, problem } = answer;
    throw invalidField([field], `line ${line}, column ${column}: ${problem}`, "yaml");
  }

  async #converted(field: string, text: string): Promise<YamlAnswer> {
    const worker = startThread("yaml", { workerData: text, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB } });
    // A server that has closed everything else does not wait for it.
    worker.unref();
    try {
      const [answer] = (await once(worker, "message", {
        signal: AbortSignal.timeout(this.options.timeoutMs),
      })) as [YamlAnswer];
      return answer;
    } catch (thrown) {
      if (isOutOfBounds(thrown))
        throw invalidField([field], "takes too long to parse; send JSON instead", "too_complex");
      throw thrown;
    } finally {
      await worker.terminate();
    }
  }
}

export function yamlTooLong(field: string): AppError {
  return invalidField([field], `YAML must be at most ${MAX_YAML_LENGTH} characters; send JSON instead`, "too_long");
}

/** The thread was out of time or memory. */
function isOutOfBounds(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === "AbortError" || ("code" in thrown && thrown.code === "ERR_WORKER_OUT_OF_MEMORY");
}
