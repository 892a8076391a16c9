import type { AgentConfig } from "../../agent/config/agent-config.js";
import { parseAgentConfig } from "../../agent/config/parse-agent-config.js";
import { OUTPUT_KINDS } from "../../agent/outputs/output-rule.js";
import { AppError } from "../../core/error.js";
import { defined } from "../../core/defined.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { serverUrl } from "../shell/session.js";

/** The options of `signet agent` that stand for a configuration with one environment. */
export interface AgentFlags extends GlobalOptions {
  readonly root?: string;
  readonly keys?: string;
  readonly write?: readonly string[];
  readonly run?: string;
  readonly checkWith?: string;
  readonly serve?: string;
  readonly state?: string;
  readonly instance?: string;
  readonly onExpired?: string;
  readonly onRevoked?: string;
}

/** The flag of a field of the configuration, for errors. */
const FLAG_OF: Readonly<Record<string, string>> = {
  name: "--env",
  org: "--org",
  project: "--project",
  url: "--url",
  ca: "--ca",
  client_cert: "--client-cert",
  client_key: "--client-key",
  root: "--root",
  keys: "--keys",
  outputs: "--write",
  check: "--check-with",
  run: "--run",
  serve: "--serve",
  state: "--state",
  instance: "--instance",
  on_expired: "--on-expired",
  on_revoked: "--on-revoked",
};

/** Problems of a file that a flag names. */
const FILE_PROBLEMS: ReadonlySet<string> = new Set(["unreadable", "too_large", "content"]);

/** The configuration that flags make; paths are relative to the working directory. Throws UsageError, and InputError for a file that cannot be used. */
export function configOfFlags(shell: Shell, flags: AgentFlags): AgentConfig {
  if (flags.env === undefined) throw new UsageError("no environment given: pass --env, or --config for several");
  if ((flags.root === undefined) === (flags.keys === undefined)) {
    throw new UsageError(
      "pass --root (the root document of signet trust), or --keys (public keys of signet keys --pem)",
    );
  }
  const environment = defined({
    ...{ name: flags.env, org: flags.org, project: flags.project, url: serverUrl(flags), root: flags.root },
    ...{ ca: flags.ca, client_cert: flags.clientCert, client_key: flags.clientKey, keys: flags.keys },
    ...{ on_expired: flags.onExpired, on_revoked: flags.onRevoked, instance: flags.instance },
    ...{ outputs: (flags.write ?? []).map(outputOf), check: flags.checkWith, run: flags.run },
  });
  const value = defined({ state: flags.state, serve: flags.serve, environments: [environment] });
  try {
    return parseAgentConfig(value, { base: process.cwd(), environment: shell.io.environment });
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const [first] = thrown.fields;
    const name = first?.loc.find((part) => FLAG_OF[part] !== undefined) ?? "";
    const message = `${FLAG_OF[name] ?? name}: ${first?.msg ?? thrown.message}`;
    throw FILE_PROBLEMS.has(first?.type ?? "")
      ? new InputError(message, { cause: thrown })
      : new UsageError(message, { cause: thrown });
  }
}

/** `policies=/etc/app/policies.json` */
function outputOf(text: string): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  const kind = OUTPUT_KINDS.find((known) => known === text.slice(0, Math.max(at, 0)));
  if (kind !== undefined && at < text.length - 1) return { [kind]: text.slice(at + 1) };
  throw new UsageError(`--write ${text}: it must be <kind>=<path>, with one of ${OUTPUT_KINDS.join(", ")}`);
}
