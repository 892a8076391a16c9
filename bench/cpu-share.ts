import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const V1 = "/sys/fs/cgroup/cpu";
const V2 = "/sys/fs/cgroup";
const PERIOD_US = 20_000;

/**
 * Holds processes to a part of a core each, by control groups: what several nodes can do together is then seen on a machine that has no core
 * for each. Undefined where the groups may not be made (not root).
 */
export function holdToShare(pids: readonly number[], share: number): Disposable | undefined {
  const isV2 = !existsSync(V1);
  const groups: string[] = [];
  try {
    for (const pid of pids) {
      const group = join(isV2 ? V2 : V1, `signet-bench-${pid}`);
      mkdirSync(group);
      groups.push(group);
      const quota = Math.round(PERIOD_US * share);
      if (isV2) {
        writeFileSync(join(group, "cpu.max"), `${quota} ${PERIOD_US}`);
      } else {
        writeFileSync(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
        writeFileSync(join(group, "cpu.cfs_quota_us"), String(quota));
      }
      writeFileSync(join(group, "cgroup.procs"), String(pid));
    }
  } catch {
    release(groups, pids, isV2);
    return undefined;
  }
  return { [Symbol.dispose]: () => release(groups, pids, isV2) };
}

function release(groups: readonly string[], pids: readonly number[], isV2: boolean): void {
  for (const [index, group] of groups.entries()) {
    try {
      writeFileSync(join(isV2 ? V2 : V1, "cgroup.procs"), String(pids[index]));
      rmdirSync(group);
    } catch {
      // The process is gone, and its group with it, or the group goes at the next start of the machine.
    }
  }
}
