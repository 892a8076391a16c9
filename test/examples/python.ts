import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Where the Python SDK is, for PYTHONPATH. */
export const PYTHON_SDK = join(root, "sdks/python/src");

/**
 * A Python 3.10 or later with modules: that on the path, or Debian's, which has what Debian's packages bring. Throws an Error that says
 * what to install.
 */
export function pythonWith(...modules: readonly string[]): string {
  const check = `import sys; assert sys.version_info >= (3, 10)\nimport ${modules.join(", ")}`;
  const found = ["python3", "/usr/bin/python3"].find((python) => spawnSync(python, ["-c", check]).status === 0);
  if (found !== undefined) return found;
  throw new Error(
    `this test needs Python 3.10 or later with ${modules.join(" and ")}: apt-get install ` +
      modules.map((name) => (name === "gunicorn" ? name : `python3-${name}`)).join(" "),
  );
}
