import { open } from "node:fs/promises";
import { devNull } from "node:os";
import type { Logger } from "pino";
import type { LimitObserver } from "../core/limit.js";
import { isOutOfFiles, RAISE_OPEN_FILES } from "../config/open-files.js";
import type { Job } from "./job-runner.js";

/**
 * Notices that the process can open no more files: Node then closes new connections silently. Logged when it begins and when it is over,
 * counted (`open_files`) each second in between.
 */
export function watchOpenFiles(
  log: Logger,
  observer: LimitObserver,
  tryToOpen: () => Promise<void> = openNothing,
): Job {
  let isOut = false;
  const run = async () => {
    try {
      await tryToOpen();
      if (isOut) log.info("files and connections can be opened again");
      isOut = false;
    } catch (error) {
      if (!isOutOfFiles(error)) throw error;
      observer.refused("open_files");
      if (!isOut)
        log.error({ code: error.code }, `too many open files: new connections are closed; ${RAISE_OPEN_FILES}`);
      isOut = true;
    }
  };
  return { name: "open files", everyMs: 1_000, run };
}

async function openNothing(): Promise<void> {
  await (await open(devNull)).close();
}
