import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const MIB = 1024 * 1024;

/** One part in so many of the heap is for the bodies of requests: what is parsed from a body takes several times as much. */
const BODY_PART = 8;
const MAX_BODY_MEMORY_BYTES = 512 * MIB;

const MAX_DOCUMENT_HEAP_BYTES = 512 * MIB;

/** The memory that the process may use, in bytes. */
export interface MemoryLimits {
  /** V8's heap: `--max-old-space-size`, or what V8 chose for this machine. */
  readonly heapBytes: number;
  /** All memory of the process: the container's limit (cgroup v2 or v1), or the machine's memory. */
  readonly processBytes: number;
  /** Whether `processBytes` is a container's limit. */
  readonly isContained: boolean;
}

/** Reads the limits of this process. */
export function memoryLimits(): MemoryLimits {
  // Without a limit it is 0, or above what there is.
  const constrained = process.constrainedMemory();
  const isContained = constrained > 0 && constrained < totalmem();
  return {
    heapBytes: getHeapStatistics().heap_size_limit,
    processBytes: isContained ? constrained : totalmem(),
    isContained,
  };
}

/** The default limit of all request bodies together. */
export function bodyMemoryBytes({ heapBytes, processBytes }: MemoryLimits): number {
  // A heap may be larger than the container that it is in.
  return Math.floor(Math.min(heapBytes / BODY_PART, processBytes / BODY_PART, MAX_BODY_MEMORY_BYTES));
}

/** The heap of a thread that works on documents, in MiB. */
export function documentHeapMib({ processBytes }: MemoryLimits): number {
  return Math.floor(Math.min(MAX_DOCUMENT_HEAP_BYTES, processBytes / 2) / MIB);
}

/** The limits as the log shows them at the start. */
export function describeMemory({ heapBytes, processBytes, isContained }: MemoryLimits, bodyBytes: number) {
  return {
    heapLimitMib: Math.round(heapBytes / MIB),
    memoryLimitMib: Math.round(processBytes / MIB),
    memoryLimitOf: isContained ? "container" : "machine",
    bodyMemoryMib: Math.round(bodyBytes / MIB),
  };
}
