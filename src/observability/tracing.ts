import { AsyncLocalStorage } from "node:async_hooks";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Span as OtelSpan } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Span, SpanStart, TraceContext, Tracing } from "../core/trace.js";
import { ReportingExporter } from "./reporting-exporter.js";

/** Where traces are sent to, and which. */
export interface TracingOptions {
  /** Where traces are posted to: the whole URL, with `/v1/traces` where the collector wants it. */
  readonly url: string;
  /** The share of traces begun here that are recorded, 0 to 1; a caller that brings a trace decides for it. */
  readonly ratio: number;
  readonly version: string;
  /** Told when traces cannot be sent, and when they can again. */
  readonly onExport: (error: Error | null) => void;
}

/** Traces that are sent to a collector. Disposing of it sends what is left. */
export type OtlpTracing = Tracing & AsyncDisposable;

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/**
 * Sends traces by OTLP over HTTP, as JSON. Nothing global is set: a process may have several.
 *
 * Headers, certificates, time-out and compression of the exporter, and the resource, come from the standard `OTEL_…` variables,
 * which OpenTelemetry's packages read themselves.
 */
export function startOtlpTracing({ url, ratio, version, onExport }: TracingOptions): OtlpTracing {
  const own = resourceFromAttributes({ "service.name": "signet", "service.version": version });
  const fromEnvironment = detectResources({ detectors: [envDetector] });
  const exporter = new ReportingExporter(new OTLPTraceExporter({ url }), onExport);
  const provider = new TracerProvider({
    resource: defaultResource().merge(own).merge(fromEnvironment),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("signet", version);
  const current = new AsyncLocalStorage<OtlpSpan | undefined>();
  return {
    isOn: true,
    start({ name, kind, parent, attributes, startedMsAgo }: SpanStart): Span {
      const startTime = Date.now() - startedMsAgo;
      const options = { kind: KINDS[kind], attributes: { ...attributes }, startTime };
      const context = parent === null ? current.getStore()?.asParent : contextOf(parent);
      return new OtlpSpan(tracer.startSpan(name, options, context ?? ROOT_CONTEXT));
    },
    run: (span, work) => current.run(span instanceof OtlpSpan ? span : undefined, work),
    current: () => current.getStore()?.context ?? null,
    apart: (work) => current.run(undefined, work),
    async [Symbol.asyncDispose]() {
      // The exporter has reported failures already, and waits for a collector no longer than its own time-out.
      await provider.shutdown().catch(() => undefined);
    },
  };
}

class OtlpSpan implements Span {
  readonly traceId: string;
  readonly context: TraceContext;
  readonly asParent: Context;

  constructor(private readonly span: OtelSpan) {
    this.traceId = span.spanContext().traceId;
    this.asParent = trace.setSpan(ROOT_CONTEXT, span);
    this.context = headersOf(this.asParent);
  }

  rename(name: string): void {
    this.span.updateName(name);
  }

  set(attributes: SpanStart["attributes"]): void {
    this.span.setAttributes({ ...attributes });
  }

  fail(reason: string): void {
    this.span.setAttribute("error.type", reason);
    this.span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.span.end();
  }
}

const propagator = new W3CTraceContextPropagator();

/** The context of the headers; none when they are no W3C Trace Context. */
function contextOf({ traceparent, tracestate }: TraceContext): Context {
  const carrier: Readonly<Record<string, string | undefined>> = { traceparent, tracestate: tracestate ?? undefined };
  return propagator.extract(ROOT_CONTEXT, carrier, { get: (_carrier, key) => carrier[key], keys: () => [] });
}

function headersOf(context: Context): TraceContext {
  const headers = new Map<string, string>();
  propagator.inject(context, headers, { set: (_carrier, key, value) => headers.set(key, value) });
  return { traceparent: headers.get("traceparent") ?? "", tracestate: headers.get("tracestate") ?? null };
}
