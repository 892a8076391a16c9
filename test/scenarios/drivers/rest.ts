import type { AttestationView, Driver, Failure, Place, Publication } from "./driver.js";
import type { Http, HttpAnswer, HttpRequest } from "./http.js";
import { readEvents, readLines, type StreamPart } from "./rest-stream.js";
import {
  artifactPromotionView,
  bundleView,
  camelCased,
  deploymentView,
  keyView,
  targetView,
  watchMessage,
  whoView,
} from "./views.js";

/** The error body of REST, and the Retry-After of its answer. */
class RestError extends Error {
  constructor(
    readonly body: { status: number; message: string; detail: unknown },
    readonly retryAfter: string | null,
  ) {
    super(`${body.status}: ${body.message}`);
  }
}

/** The driver of plain JSON over HTTP; `streams` says which form of a watch it asks for. */
export function restDriver(http: Http, token: string, streams: "events" | "lines"): Driver {
  const send = async (request: Omit<HttpRequest, "headers">, headers: Readonly<Record<string, string>> = {}) => {
    const type = request.body === undefined ? {} : { "Content-Type": "application/json" };
    return checked(await http.send({ ...request, headers: { Authorization: `Bearer ${token}`, ...type, ...headers } }));
  };
  const get = async (path: string) => (await send({ method: "GET", path })).text;
  const post = async (path: string, body: string | undefined, headers?: Readonly<Record<string, string>>) =>
    bundleOf((await send({ method: "POST", path, ...(body === undefined ? {} : { body }) }, headers)).text);
  const polled = async (path: string, headers?: Readonly<Record<string, string>>) => {
    const answer = await send({ method: "GET", path }, headers);
    return {
      notModified: answer.status === 304 || answer.status === 204,
      text: answer.text,
      etag: /^"(.*)"$/.exec(answer.headers.get("etag") ?? "")?.[1] ?? "",
      sequence: Number(answer.headers.get("signet-sequence") ?? 0),
    };
  };
  const listed = async (path: string) => (JSON.parse(await get(path)) as object[]).map(camelCased);
  return {
    publish: (place, publication, headers) =>
      post(`${envPath(place)}/bundles/publish`, publicationText(publication), headers),
    promote: (place, promotedBy, headers) =>
      post(
        `${envPath(place)}/promote`,
        promotedBy === undefined ? undefined : JSON.stringify({ promoted_by: promotedBy }),
        headers,
      ),
    activate: (place, version, headers) => post(`${envPath(place)}/bundles/${version}/activate`, undefined, headers),
    remove: async (place, version) => {
      await send({ method: "DELETE", path: `${envPath(place)}/bundles/${version}` });
    },
    list: async (place) => (await listed(`${envPath(place)}/bundles`)).map(bundleView),
    get: async (place, version) => {
      const message = camelCased(JSON.parse(await get(`${envPath(place)}/bundles/${version}`)) as object);
      const { policiesJson: policies, scopePoliciesJson: scopePolicies } = message;
      return { ...bundleView(message), policies, scopePolicies };
    },
    document: (place, version) => get(`${envPath(place)}/bundles/${version}/document`),
    diff: async (place, version, other) =>
      JSON.parse(await get(`${envPath(place)}/bundles/${version}/diff/${other}`)) as unknown,
    deployments: async (place) => {
      const page = JSON.parse(await get(`${envPath(place)}/deployments`)) as { total: number; data: object[] };
      return { total: page.total, data: page.data.map((item) => deploymentView(camelCased(item))) };
    },
    latest: async (headers, { afterSequence, afterDeploymentId } = {}) => {
      const query = [
        ...(afterSequence === undefined ? [] : [`after_sequence=${afterSequence}`]),
        ...(afterDeploymentId === undefined ? [] : [`after_deployment_id=${afterDeploymentId}`]),
      ];
      const path = `/v1/bundles/latest${query.length === 0 ? "" : `?${query.join("&")}`}`;
      const answer = await send({ method: "GET", path }, headers);
      return {
        notModified: answer.status === 304 || answer.status === 204,
        document: answer.text,
        etag: /^"(.*)"$/.exec(answer.headers.get("etag") ?? "")?.[1] ?? "",
        sequence: Number(answer.headers.get("signet-sequence")),
        deploymentId: answer.headers.get("signet-deployment-id") ?? "",
      };
    },
    latestContent: (headers) => polled("/v1/bundles/latest/content", headers),
    latestAttestation: (headers) => polled("/v1/bundles/latest/attestation", headers),
    deploymentAttestation: async (id) => JSON.parse(await get(`/v1/deployments/${id}/attestation`)) as AttestationView,
    async *watch({ afterSequence = 0, afterDeploymentId, rootVersion, content, headers = {}, signal }) {
      const accept = streams === "events" ? "text/event-stream" : "application/x-ndjson";
      const request = {
        method: "GET",
        path: `/v1/bundles/watch?after_sequence=${afterSequence}${
          afterDeploymentId === undefined ? "" : `&after_deployment_id=${afterDeploymentId}`
        }${rootVersion === undefined ? "" : `&root_version=${rootVersion}`}${content === true ? "&content=true" : ""}`,
        headers: { Authorization: `Bearer ${token}`, Accept: accept, ...headers },
      };
      const stream = await http.stream(request, signal);
      if (stream.status !== 200) {
        let text = "";
        for await (const chunk of stream.chunks) text += chunk;
        checked({ ...stream, text });
      }
      for await (const part of (streams === "events" ? readEvents : readLines)(stream.chunks)) yield messageOf(part);
    },
    keys: async () => (await listed("/v1/keys")).map(keyView),
    whoami: async () => whoView(camelCased(JSON.parse(await get("/v1/whoami")) as object)),
    promotePipeline: async (id, source_app_id, target_app_ids) => {
      const body = JSON.stringify({ source_app_id, target_app_ids });
      const { text } = await send({ method: "POST", path: `/v1/pipelines/${id}/promote`, body });
      return (JSON.parse(text) as object[]).map((item) => targetView(camelCased(item)));
    },
    createArtifact: async (projectId, policies, mediaType) => {
      const body = `{"project_id":"${projectId}","policies":${policies},"media_type":"${mediaType}"}`;
      return (JSON.parse((await send({ method: "POST", path: "/v1/source-artifacts", body })).text) as { id: string })
        .id;
    },
    promoteArtifact: async (id, title) => {
      const request = { method: "PUT", path: `/v1/source-artifact/${id}/promote`, body: JSON.stringify({ title }) };
      const answer = camelCased(JSON.parse((await send(request)).text) as object);
      return artifactPromotionView(answer, bundleView(camelCased(answer["bundle"] as object)));
    },
    failure: failureOf,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function messageOf(part: StreamPart) {
  if (part.kind === "error") throw new RestError(part.body, null);
  return watchMessage(part.sequence, part.event, part.value);
}

function checked(answer: HttpAnswer): HttpAnswer {
  if (answer.status < 400) return answer;
  throw new RestError(JSON.parse(answer.text) as RestError["body"], answer.headers.get("retry-after"));
}

function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof RestError)) throw thrown;
  const { status, message, detail } = thrown.body;
  const reason = typeof detail === "object" && detail !== null && "error" in detail ? String(detail.error) : null;
  return {
    code: status,
    reason,
    message,
    retryAfterSeconds: thrown.retryAfter === null ? null : Number(thrown.retryAfter),
  };
}

function bundleOf(text: string) {
  return bundleView(camelCased(JSON.parse(text) as object));
}

function envPath({ orgId, projectId, envName }: Place): string {
  return `/v1/orgs/${orgId}/projects/${projectId}/envs/${envName}`;
}

/** By hand, so that the policies are sent as they are spelled. */
function publicationText({ policies, scopePolicies, publishedBy, ...rest }: Publication): string {
  const members = [`"policies":${policies}`];
  if (scopePolicies !== undefined) members.push(`"scope_policies":${scopePolicies}`);
  const others = { ...rest, ...(publishedBy === undefined ? {} : { published_by: publishedBy }) };
  for (const [name, value] of Object.entries(others)) members.push(`"${name}":${JSON.stringify(value)}`);
  return `{${members.join(",")}}`;
}
