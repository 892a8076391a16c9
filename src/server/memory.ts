import type { Logger } from "pino";
import { BodyMemory } from "../api/http/body-memory.js";
import type { Config } from "../config/config.js";
import { MemoryGuard } from "./memory-guard.js";
import { bodyMemoryBytes, describeMemory, documentHeapMib, memoryLimits } from "./memory-limits.js";
import { DEFAULT_DOCUMENTS, type DocumentsOptions } from "../service/documents/documents.js";

/** What a server's memory is divided into. */
export interface Memory {
  readonly bodies: BodyMemory;
  readonly documents: DocumentsOptions;
}

/** Divides what this process may use, and says it in the log. */
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
