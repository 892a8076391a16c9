import { dirname, resolve } from "node:path";
import type { AgentConfig } from "../../agent/config/agent-config.js";
import { parseAgentConfig } from "../../agent/config/parse-agent-config.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import { positionIn } from "../../yaml/yaml-position.js";
import { readPolicyFile } from "../shell/policy-file.js";
import type { Io } from "../shell/io.js";
import { nameOf, readTextFile } from "../shell/text-files.js";

/**
 * Reads the configuration of an agent from a .yaml, .yml or .json file. Relative paths in it are relative to the file.
 *
 * @throws InputError for a file that cannot be read, AppError `invalid` with file, line and column of everything that is wrong
 */
export async function readAgentConfig(file: string, io: Io): Promise<AgentConfig> {
  const json = await readPolicyFile(file, io);
  try {
    // Refuses duplicate keys, of which JSON.parse would silently keep one.
    scanStrictJson(json, { base: [] });
    return parseAgentConfig(JSON.parse(json), { base: dirname(resolve(file)), environment: io.environment });
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.fields.length === 0) throw thrown;
    const text = await readTextFile(file, io);
    const found = thrown.fields
      .map((field) => ({ ...field, at: positionIn(text, field.loc) }))
      .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
      .map(({ loc, msg, type, at }) => ({ loc, msg: `${nameOf(file)}:${at.line}:${at.column}: ${msg}`, type }));
    const [first] = found;
    const [place = "", problem = ""] = first?.msg.split(/: (.*)/s) ?? [];
    const message = `${place}: ${[first?.loc.join("."), problem].filter(Boolean).join(" ")}`;
    throw new AppError("invalid", message, { fields: found.length > 1 ? found : [], cause: thrown });
  }
}
