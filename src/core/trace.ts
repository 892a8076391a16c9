/** Where in which trace something happens: the two headers of W3C Trace Context. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly name: string;
  /** As OpenTelemetry has them: who is called, who calls, and what stays inside. */
  readonly kind: "server" | "client" | "internal";
  /** What caused it; null is the span that is current, if any. */
  readonly parent: TraceContext | null;
  readonly attributes: SpanAttributes;
  /** How long ago it started; 0 is now. */
  readonly startedMsAgo: number;
}

/** One step of a trace. Nothing of it may hold a secret. */
export interface Span {
  /** 32 hex digits; null when nothing is traced. */
  readonly traceId: string | null;
  /** For whom is called from here; null when nothing is traced. */
  readonly context: TraceContext | null;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** It went wrong; `reason` is a code. */
  fail(reason: string): void;
  end(): void;
}

/** Traces, whoever keeps them. No call throws because of tracing. */
export interface Tracing {
  readonly isOn: boolean;
  start(span: SpanStart): Span;
  /** Runs `work`, and everything that it starts, with `span` as the current one. */
  run<T>(span: Span, work: () => T): T;
  /** The current span as whom is called would see it; null when there is none. */
  current(): TraceContext | null;
  /** Runs `work` with no current span: for what goes on after, and apart from, what started it. */
  apart<T>(work: () => T): T;
}

export const NO_SPAN: Span = {
  traceId: null,
  context: null,
  rename: () => undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Traces nothing, and costs nothing. */
export const NO_TRACING: Tracing = {
  isOn: false,
  start: () => NO_SPAN,
  run: (_span, work) => work(),
  current: () => null,
  apart: (work) => work(),
};
