import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of a few MiB, which can be filled and made read-only. Needs the right to mount: root, in a container CAP_SYS_ADMIN. */
export class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "signet-disk-"));

  constructor(mebibytes: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", this.path], { stdio: "ignore" });
  }

  static isPermitted(): boolean {
    try {
      new SmallDisk(1)[Symbol.dispose]();
      return true;
    } catch {
      return false;
    }
  }

  /** To the last byte, whatever is written beside it; with `free` so many bytes stay free. */
  fill(free = 0): void {
    const { blocks, bavail, bsize } = statfsSync(this.path);
    try {
      const size = free === 0 ? blocks * bsize : Math.max(0, bavail * bsize - free);
      writeFileSync(join(this.path, "fill"), Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  makeRoom(): void {
    rmSync(join(this.path, "fill"));
  }

  remount(mode: "ro" | "rw"): void {
    execFileSync("mount", ["-o", `remount,${mode}`, this.path]);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}
