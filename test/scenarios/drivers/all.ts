import { openBrowser, openConnectHttp2, openConnectJson, openConnectProto, openGrpcWeb } from "./connect.js";
import { curlHttp, hasCurl } from "./curl.js";
import type { DriverKind } from "./driver.js";
import { documentedHttp } from "./documented-http.js";
import { openGrpcJs } from "./grpc-js.js";
import { fetchHttp } from "./http.js";
import { restDriver } from "./rest.js";

/** The protocols that stream, each with a client that stops reading when its caller does. */
export const STREAMING: readonly DriverKind[] = [
  { name: "grpc-js", family: "rpc", open: openGrpcJs },
  { name: "grpc-web", family: "rpc", open: openGrpcWeb },
  { name: "connect-json", family: "rpc", open: openConnectJson },
  { name: "connect-proto", family: "rpc", open: openConnectProto },
  {
    name: "rest SSE",
    family: "rest",
    open: (url, token) => restDriver(documentedHttp(fetchHttp(url)), token, "events"),
  },
  {
    name: "rest NDJSON",
    family: "rest",
    open: (url, token) => restDriver(documentedHttp(fetchHttp(url)), token, "lines"),
  },
];

/** Every client there is. */
export const DRIVERS: readonly DriverKind[] = [
  ...STREAMING,
  { name: "connect-proto over HTTP/2", family: "rpc", open: openConnectHttp2 },
  { name: "connect-web", family: "rpc", open: openBrowser },
  ...(hasCurl
    ? [
        {
          name: "curl",
          family: "rest",
          open: (url, token) => restDriver(documentedHttp(curlHttp(url)), token, "lines"),
        } as DriverKind,
      ]
    : []),
];
