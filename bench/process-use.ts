/** What the system says of a process, whatever it is written in. Linux only. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";

/** A jiffy of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const JIFFY_MS = 10;
const TASKSET = "/usr/bin/taskset";

/** User and system time of all its threads, in steps of 10 ms. */
export function cpuMsOf(pid: number): number {
  return jiffiesOf(pid, 14) * JIFFY_MS;
}

/** The same of its children that have ended, and that it has waited for. */
export function endedCpuMsOf(pid: number): number {
  return jiffiesOf(pid, 16) * JIFFY_MS;
}

/** User and system time stand beside each other: utime and stime are 14 and 15, cutime and cstime 16 and 17. */
function jiffiesOf(pid: number, first: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name before may hold spaces and parentheses; proc_pid_stat(5) counts from 1, and this begins at 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[first - 3]) + Number(fields[first - 2]);
}

export function rssKibOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

/** Keeps a process and its threads on one core. False where that cannot be done. */
export function pin(pid: number, core: number): boolean {
  if (availableParallelism() < 2 || !existsSync(TASKSET)) return false;
  return spawnSync(TASKSET, ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" }).status === 0;
}

/** Throws when a process may not open so many files: connections would fail that the server has no part in. */
export function needOpenFiles(count: number): void {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? Infinity);
  if (soft >= count) return;
  throw new Error(`this needs ${count} open files in a process, and ulimit -n is ${soft}: raise it, or measure fewer`);
}

/** The first line of every table: what it was measured on, and how busy that was with other things. */
export function machineLine(): string {
  const load = loadavg().map((value) => value.toFixed(1));
  return `Node ${process.version}, ${availableParallelism()} cores, load ${load.join(" ")}, ${new Date().toISOString()}`;
}
