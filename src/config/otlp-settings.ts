import { AppError } from "../core/error.js";

/** The URL that traces are posted to, from a collector's base URL: `/v1/traces` is added (OTLP specification, "endpoint URLs"). */
export function otlpEndpoint(value: string, name: string): string | null {
  if (value === "") return null;
  const url = httpUrl(value, name);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url.href;
}

/** The URL that traces are posted to, as it is. */
export function otlpTracesEndpoint(value: string, name: string): string {
  return httpUrl(value, name).href;
}

/** A share, 0 to 1. */
export function traceRatio(value: string, name: string): number {
  const ratio = /^\d(\.\d+)?$/.test(value) ? Number(value) : NaN;
  if (!(ratio <= 1)) throw new AppError("invalid", `${name} must be a number from 0 to 1, not "${value}"`);
  return ratio;
}

/** Throws `invalid` when the environment asks for OTLP over gRPC, which this server does not speak as a client. */
export function refuseOtlpGrpc(environment: Readonly<Record<string, string | undefined>>): void {
  for (const name of ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    const protocol = environment[name];
    if (protocol === undefined || protocol === "") continue;
    if (protocol === "grpc") throw new AppError("invalid", `${name} is grpc, but traces are sent over HTTP only`);
    return;
  }
}

function httpUrl(value: string, name: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    // Not the value: it may have a password in it.
    throw new AppError("invalid", `${name} must be an http or https URL`);
  }
  return url;
}
