import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";

describe("the settings of traces", () => {
  const collector = "http://collector:4318";
  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: collector }, `${collector}/v1/traces`],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector}/mine` }, `${collector}/mine`],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector}/mine`, OTEL_EXPORTER_OTLP_ENDPOINT: "http://other" },
      `${collector}/mine`,
    ],
    [{ SIGNET_OTLP_ENDPOINT: collector, OTEL_EXPORTER_OTLP_ENDPOINT: "http://other" }, `${collector}/v1/traces`],
    [{ SIGNET_OTLP_ENDPOINT: "", OTEL_EXPORTER_OTLP_ENDPOINT: collector }, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, null],
  ])("%j sends traces to %s", (environment: Record<string, string>, url) => {
    expect(loadConfig(environment).otlpEndpoint).toBe(url);
  });

  it.each([
    [{ OTEL_TRACES_SAMPLER_ARG: "0.25" }, 0.25],
    [{ OTEL_TRACES_SAMPLER_ARG: "0.25", SIGNET_TRACE_RATIO: "0.5" }, 0.5],
  ])("%j records the share %s", (environment: Record<string, string>, ratio) => {
    expect(loadConfig(environment).traceRatio).toBe(ratio);
  });

  it("OTLP over gRPC is refused, not ignored", () => {
    const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
    expect(() => loadConfig({ ...grpc, OTEL_EXPORTER_OTLP_ENDPOINT: collector })).toThrow(
      "OTEL_EXPORTER_OTLP_PROTOCOL",
    );
    // Nobody asked for traces, or for the traces something else.
    expect(loadConfig(grpc).otlpEndpoint).toBeNull();
    const http = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf" };
    expect(loadConfig({ ...grpc, ...http, OTEL_EXPORTER_OTLP_ENDPOINT: collector }).otlpEndpoint).not.toBeNull();
  });

  it("an endpoint that is refused is not quoted: it may have a password", () => {
    for (const text of ["user:hunter2@collector", "ftp://user:hunter2@collector"]) {
      expect(() => loadConfig({ SIGNET_OTLP_ENDPOINT: text })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining("hunter2") as string }) as Error,
      );
    }
  });
});
