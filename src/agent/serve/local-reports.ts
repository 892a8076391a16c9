import { Refusal } from "./local-answer.js";
import type { LocalReport } from "./report-relay.js";

/** As the server has it, labels and reason included. */
export const MAX_STATUS_BYTES = 64 * 1024;
/** OPA sends its metrics too. */
export const MAX_OPA_STATUS_BYTES = 1024 * 1024;
/** The server's limit of a batch, unpacked. */
export const MAX_OPA_LOGS_BYTES = 4 * 1024 * 1024;
const MAX_BUNDLES = 16;
const MAX_ERRORS = 5;
const MAX_TEXT = 1_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The body of `POST /v1/runtimes/status`. It goes on to the server as it is, which checks the rest.
 *
 * @throws Refusal 400 or 422
 */
export function runtimeReport(body: Buffer): LocalReport {
  const { instance_id: id, state, sequence } = fieldsOf(parsed(body));
  if (typeof id !== "string" || id === "" || id.length > 128) throw invalid("instance_id", "1 to 128 characters");
  if (state !== "applied" && state !== "rejected") throw invalid("state", '"applied" or "rejected"');
  if (!Number.isInteger(sequence) || Number(sequence) < 0) throw invalid("sequence", "an integer from 0 on");
  return { key: `runtime ${id}`, path: "/v1/runtimes/status", body: body.toString("utf8") };
}

/**
 * The body of OPA's Status API, cut to what the fleet view is made of: an OPA sends one after every poll, with times and metrics that always
 * differ.
 *
 * @throws Refusal 400 or 422
 */
export function opaReport(body: Buffer): LocalReport {
  const { labels, bundles } = fieldsOf(parsed(body));
  const { id } = fieldsOf(labels);
  if (typeof id !== "string" || id === "" || id.length > 128) throw invalid("labels.id", "1 to 128 characters");
  const cut = Object.entries(fieldsOf(bundles)).slice(0, MAX_BUNDLES);
  const told = { labels: textsOf(labels), bundles: Object.fromEntries(cut.map(([name, it]) => [name, bundleOf(it)])) };
  return { key: `opa ${id}`, path: "/v1/opa/status", body: JSON.stringify(told) };
}

/**
 * How many decisions a batch of OPA's log has.
 *
 * @throws Refusal 400 for anything but a JSON array
 */
export function decisionsIn(body: Buffer): number {
  const batch = parsed(body);
  if (!Array.isArray(batch)) throw new Refusal(400, null, "a batch of decisions is a JSON array");
  return batch.length;
}

function bundleOf(value: unknown): Fields {
  const { active_revision, last_successful_activation, code, message, errors } = fieldsOf(value);
  const kept = Array.isArray(errors) ? (errors as readonly unknown[]).slice(0, MAX_ERRORS) : [];
  return {
    ...textsOf({ active_revision, last_successful_activation, code, message }),
    ...(kept.length === 0 ? {} : { errors: kept.map(errorOf) }),
  };
}

function errorOf(value: unknown): Fields {
  const { code, message, location } = fieldsOf(value);
  const { file, row, col } = fieldsOf(location);
  const numbers = Object.entries({ row, col }).filter(([, number]) => Number.isSafeInteger(number));
  return { ...textsOf({ code, message }), location: { ...textsOf({ file }), ...Object.fromEntries(numbers) } };
}

/** The texts among the fields, cut. */
function textsOf(value: unknown): Fields {
  const texts = Object.entries(fieldsOf(value)).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(
    texts.slice(0, 64).map(([name, text]) => [name.slice(0, 63), String(text).slice(0, MAX_TEXT)]),
  );
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new Refusal(400, null, "the body is not JSON");
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function invalid(field: string, rule: string): Refusal {
  return new Refusal(422, null, `${field} must be ${rule}`);
}
