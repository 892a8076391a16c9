/** The protocols of watches, named as in `HandlerContext.protocolName`. */
export const STREAM_PROTOCOLS = ["grpc", "grpc-web", "connect", "rest"] as const;

/** Told of each watch that opens and ends. Cheap; never throws. */
export interface StreamObserver {
  opened(protocol: string): void;
  closed(protocol: string): void;
}
