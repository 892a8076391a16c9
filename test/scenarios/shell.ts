import { expect } from "vitest";
import { expectDocumented } from "../openapi/contract.js";
import { ADMIN_TOKEN, type TestServer } from "../support/server.js";
import { curl } from "./drivers/curl.js";
import type { TestProject } from "./project.js";

export interface ShellAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when there is no body. */
  readonly json: unknown;
}

/** Runs curl with `-H` for the credential; the first argument is a path on the server. */
export type Shell = (path: string, ...args: string[]) => Promise<ShellAnswer>;

export function shellAs(server: TestServer, token: string = ADMIN_TOKEN): Shell {
  return async (path, ...args) => bare(server, path, "-H", `Authorization: Bearer ${token}`, ...args);
}

/** Runs curl with nothing that the caller did not say; the answer must be one that the OpenAPI document has. */
export async function bare(server: TestServer, path: string, ...args: string[]): Promise<ShellAnswer> {
  const { status, headers, text } = await curl([`${server.url}${path}`, ...args]);
  expectDocumented({ method: methodOf(args), path }, { status, headers, text });
  return { status, headers, text, json: text === "" ? undefined : (JSON.parse(text) as unknown) };
}

/** What curl sends when it is told so, or not told. */
function methodOf(args: readonly string[]): string {
  const told = args.indexOf("-X");
  if (told >= 0) return args[told + 1] ?? "";
  if (args.includes("-I") || args.includes("--head")) return "HEAD";
  return args.some((arg) => arg === "-d" || arg.startsWith("--data")) ? "POST" : "GET";
}

/** `/v1/orgs/{org}/projects/{project}/envs/{env}` of a stage. */
export function envPath(server: TestServer, { projectId }: TestProject, stage: string): string {
  return `/v1/orgs/${server.orgId}/projects/${projectId}/envs/${stage}`;
}

/** Expects the one error body (api.md, "errors") with all of its keys. */
export function expectErrorBody({ status, headers, json }: ShellAnswer, expected: number, about = ""): void {
  expect(status, `${about}: ${JSON.stringify(json)}`).toBe(expected);
  const body = json as Record<string, unknown>;
  expect(Object.keys(body).sort(), about).toEqual(["code", "detail", "error", "message", "requestId", "status"]);
  expect(body, about).toMatchObject({ code: expected, status: expected, requestId: headers.get("x-request-id") });
  expect(body["requestId"], about).toMatch(/\S/);
  for (const key of ["error", "message"]) expect(body[key], about).toMatch(/\S/);
  expect(headers.get("content-type"), about).toMatch(/^application\/json/);
  if (Array.isArray(body["detail"])) {
    for (const field of body["detail"] as object[]) expect(Object.keys(field).sort()).toEqual(["loc", "msg", "type"]);
  } else if (typeof body["detail"] !== "string") {
    expect(Object.keys(body["detail"] as object).sort(), about).toEqual(["error", "message"]);
  }
  expect(JSON.stringify(body), about).not.toMatch(/SQLITE|node:internal|\.ts:|at async/);
}

/** What must not change when a request is refused: the audit's head, and the bundles of dev. */
export async function fingerprint({ admin, orgId }: TestServer, { place }: TestProject): Promise<unknown> {
  const { bundles } = await admin.bundles.listBundles(place.dev);
  const { number } = await admin.audit.getAuditHead({ orgId });
  return { number, bundles: bundles.map(({ version, isActive, sequence }) => ({ version, isActive, sequence })) };
}
