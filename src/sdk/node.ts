/** What of the client needs Node: the transport, and runtimes with gRPC, files and certificates. */
export {
  openNodeTransport,
  type NodeTransport,
  type NodeTransportOptions,
  type NodeTransportTls,
} from "./node-transport.js";
export { openFileCache } from "./runtime/node/node-cache.js";
export { openRuntime, type NodeRuntimeOptions } from "./runtime/node/node-runtime.js";
