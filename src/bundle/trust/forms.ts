/** A SHA-256 in payloads: 64 lower-case hex digits. */
export const DIGEST = /^[0-9a-f]{64}$/;

/** The name of an environment. */
export const ENVIRONMENT = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The length of ids in payloads, in characters: they are compared, and have no other form. */
export const MAX_ID_LENGTH = 100;

/** The largest content, in bytes. */
export const MAX_CONTENT_BYTES = 16 * 1024 * 1024;
