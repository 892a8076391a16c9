import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const MIB = 1024 * 1024;

/** Of the heap, for the bodies of requests: what is made of a body takes several times as much. */
const BODY_PART = 8;
const MAX_BODY_MEMORY_BYTES = 512 * MIB;

const MAX_DOCUMENT_HEAP_BYTES = 512 * MIB;

/** What the process may use, in bytes. */
export interface MemoryLimits {
  /** V8's heap: `--max-old-space-size`, or what V8 chose for this machine. */
  readonly heapBytes: number;
  /** All of it: the container's limit (cgroup v2 or v1), or the machine's memory. */
  readonly processBytes: number;
  /** Whether that is a container's. */
  readonly isContained: boolean;
}

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

/** What bodies of requests may hold together, when nobody said it. */
export function bodyMemoryBytes({ heapBytes, processBytes }: MemoryLimits): number {
  // A heap may be larger than the container that it is in.
  return Math.floor(Math.min(heapBytes / BODY_PART, processBytes / BODY_PART, MAX_BODY_MEMORY_BYTES));
}

/** What a thread that works on documents may have. */
export function documentHeapMib({ processBytes }: MemoryLimits): number {
  return Math.floor(Math.min(MAX_DOCUMENT_HEAP_BYTES, processBytes / 2) / MIB);
}

/** As the log says them at the start. */
export function describeMemory({ heapBytes, processBytes, isContained }: MemoryLimits, bodyBytes: number) {
  return {
    heapLimitMib: Math.round(heapBytes / MIB),
    memoryLimitMib: Math.round(processBytes / MIB),
    memoryLimitOf: isContained ? "container" : "machine",
    bodyMemoryMib: Math.round(bodyBytes / MIB),
  };
}
