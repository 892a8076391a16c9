/** How many characters of JSON aliases and merge keys may add: what a request may have. */
export const MAX_EXPANDED_LENGTH = 16 * 1024 * 1024;

export interface YamlOptions {
  /** Takes what YAML 1.1 reads otherwise, as YAML 1.2 reads it. A document that begins with `%YAML 1.2` says so itself. */
  readonly insistOn12?: boolean;
  /** Writes a copy for each alias, and the members of merge keys (`<<`), up to {@link MAX_EXPANDED_LENGTH}. */
  readonly expandAnchors?: boolean;
  /** Refuses a list or a scalar as the whole document. */
  readonly rootIsObject?: boolean;
}
