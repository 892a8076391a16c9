import type { Logger } from "pino";
import { BodyMemory } from "../api/http/body-memory.js";
import type { Config } from "../config/config.js";
import { MemoryGuard } from "./memory-guard.js";
import { bodyMemoryBytes, describeMemory, documentHeapMib, memoryLimits } from "./memory-limits.js";
import { DEFAULT_DOCUMENTS, type DocumentsOptions } from "../service/documents/documents.js";

/** The shares of a server's memory. */
export interface Memory {
  readonly bodies: BodyMemory;
  readonly documents: DocumentsOptions;
}

/** Divides the memory of this process, and logs the limits. */
export function openMemory(config: Config, log: Logger): Memory {
  const limits = memoryLimits();
  const guard = new MemoryGuard(limits, config.maxMemoryPercent);
  const bodyBytes = config.maxBodyMemoryBytes ?? bodyMemoryBytes(limits);
  log.info(describeMemory(limits, bodyBytes), "memory");
  return {
    bodies: new BodyMemory(bodyBytes, config.maxBodyBytes, guard),
    documents: { ...DEFAULT_DOCUMENTS, maxHeapMib: documentHeapMib(limits), guard },
  };
}
