/** A position in a trace: the two headers of W3C Trace Context. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

/** Attributes of a span, by their names in OpenTelemetry. No secrets. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** How to start a span. */
export interface SpanStart {
  readonly name: string;
  /** OpenTelemetry's kinds: an incoming call, an outgoing call, or internal work. */
  readonly kind: "server" | "client" | "internal";
  /** The parent; null for the current span, if any. */
  readonly parent: TraceContext | null;
  readonly attributes: SpanAttributes;
  /** How long ago it started; 0 is now. */
  readonly startedMsAgo: number;
}

/** One step of a trace. Must not contain secrets. */
export interface Span {
  /** 32 hex digits; null when nothing is traced. */
  readonly traceId: string | null;
  /** The context to send with outgoing calls; null when nothing is traced. */
  readonly context: TraceContext | null;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed; `reason` is an error code. */
  fail(reason: string): void;
  end(): void;
}

/** Tracing, independent of its backend. Its methods never throw because of tracing. */
export interface Tracing {
  readonly isOn: boolean;
  start(span: SpanStart): Span;
  /** Runs `work`, and everything that it starts, with `span` as the current one. */
  run<T>(span: Span, work: () => T): T;
  /** The context of the current span for outgoing calls; null when there is none. */
  current(): TraceContext | null;
  /** Runs `work` without a current span: for work that outlives its cause. */
  apart<T>(work: () => T): T;
}

/** The span of {@link NO_TRACING}. */
export const NO_SPAN: Span = {
  traceId: null,
  context: null,
  rename: () => undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Tracing that is switched off. */
export const NO_TRACING: Tracing = {
  isOn: false,
  start: () => NO_SPAN,
  run: (_span, work) => work(),
  current: () => null,
  apart: (work) => work(),
};
