import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from "node:fs";
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

  /** To the last byte, whatever is written beside it, or to the last but `leave` bytes. */
  fill(leave = 0): void {
    const { blocks, bsize } = statfsSync(this.path);
    const file = join(this.path, "fill");
    try {
      writeFileSync(file, Buffer.alloc(blocks * bsize));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    truncateSync(file, Math.max(0, statSync(file).size - leave));
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
