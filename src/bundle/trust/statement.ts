import { parseSignedObject, type SignedObject } from "../envelope/signed-json.js";
import { DIGEST } from "./forms.js";
import { TrustError } from "./trust-error.js";

/** The payload type of in-toto statements: of releases and activations. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

const STATEMENT = "https://in-toto.io/Statement/v1";
const MAX_SUBJECTS = 512;

/** An in-toto Statement v1, parsed but for its predicate. */
export interface Statement {
  /** SHA-256, in hex, by name. */
  readonly subjects: ReadonlyMap<string, string>;
  readonly predicate: SignedObject;
}

/** The payload of a statement's envelope. */
export function formatStatement(
  predicateType: string,
  subjects: Iterable<readonly [string, string]>,
  predicate: object,
): Uint8Array {
  const subject = [...subjects].map(([name, sha256]) => ({ name, digest: { sha256 } }));
  return new TextEncoder().encode(JSON.stringify({ _type: STATEMENT, subject, predicateType, predicate }));
}

/**
 * Parses the payload of a statement's envelope, whose signatures were verified.
 *
 * @param name how messages call it
 * @throws TrustError `wrong_type` for another predicate type
 * @throws VerificationError `malformed`; two subjects of one name are
 */
export function parseStatement(payload: Uint8Array, predicateType: string, name: string): Statement {
  const object = parseSignedObject(payload, name);
  for (const [field, wanted] of [
    ["_type", STATEMENT],
    ["predicateType", predicateType],
  ] as const) {
    const actual = object.text(field, 255);
    if (actual !== wanted) throw new TrustError("wrong_type", `${name}.${field} is ${actual}, not ${wanted}`);
  }
  const subjects = new Map<string, string>();
  for (const subject of object.objects("subject", MAX_SUBJECTS)) {
    const subjectName = subject.text("name", 255);
    if (subjects.has(subjectName)) throw new TrustError("malformed", `${name} has two subjects named ${subjectName}`);
    subjects.set(subjectName, subject.object("digest").matching("sha256", DIGEST));
  }
  return { subjects, predicate: object.object("predicate") };
}
