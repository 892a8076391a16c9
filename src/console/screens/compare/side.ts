/** One side of a comparison: a version of an environment, or what is active there. */
export interface Side {
  readonly env: string;
  /** Undefined is the active one. */
  readonly version: number | undefined;
}

/** Reads `dev@12` or `dev`; undefined for anything else. */
export function parseSide(text: string | undefined): Side | undefined {
  const [, env, digits] = /^([a-z0-9][a-z0-9-]{0,62})(?:@([1-9]\d{0,9}))?$/.exec(text ?? "") ?? [];
  if (env === undefined) return undefined;
  return { env, version: digits === undefined ? undefined : Number(digits) };
}

/** As {@link parseSide} reads it. */
export function formatSide({ env, version }: Side): string {
  return version === undefined ? env : `${env}@${version}`;
}

/** For people: `dev v12`. */
export function sideName({ env, version }: Side): string {
  return version === undefined ? `${env} (active)` : `${env} v${version}`;
}
