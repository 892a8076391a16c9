/** A change of what is active in an environment, as the URL of the lanes names it while its dialog is open. */
export interface Change {
  /** `promote`: from `env` to what it promotes to. The others change `env` itself. */
  readonly kind: "promote" | "rollback" | "activate" | "hold" | "release";
  readonly env: string;
  /** Of `activate`: the version to begin with. */
  readonly version?: number;
}

const KINDS: readonly Change["kind"][] = ["promote", "rollback", "activate", "hold", "release"];

/** The change of a query: `?promote=dev`, `?activate=prod@3`; undefined when it names none. */
export function parseChange(query: Readonly<Record<string, string | undefined>>): Change | undefined {
  for (const kind of KINDS) {
    const [env = "", version = ""] = (query[kind] ?? "").split("@");
    if (env === "") continue;
    return /^[1-9]\d{0,9}$/.test(version) ? { kind, env, version: Number(version) } : { kind, env };
  }
  return undefined;
}

/** The query of a change, with every other one removed; undefined is none. */
export function changeQuery(change: Change | undefined): Readonly<Record<string, string | undefined>> {
  const none: Record<string, string | undefined> = Object.fromEntries(KINDS.map((kind) => [kind, undefined]));
  if (change === undefined) return none;
  const { kind, env, version } = change;
  return { ...none, [kind]: version === undefined ? env : `${env}@${version}` };
}
