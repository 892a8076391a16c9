import type { DescMethod } from "@bufbuild/protobuf";
import { requireItemLimits } from "./message-bounds.js";
import { operationOf } from "./operations.js";
import { fieldRulesOf } from "../../json-form/field-rules.js";

/** Ids, names and settings. */
const DEFAULT_MAX_BYTES = 64 * 1024;

/** What a message may have on top of the largest policy document: its other fields, and the frame's head. */
export const MESSAGE_SLACK_BYTES = 64 * 1024;

/** The largest body of a method in REST, decompressed. `maxBodyBytes` is for documents; nothing is larger. */
export function maxBodyBytesOf(method: DescMethod, maxBodyBytes: number): number {
  const { carriesDocument, maxRequestBytes } = operationOf(method);
  return carriesDocument ? maxBodyBytes : Math.min(maxRequestBytes || DEFAULT_MAX_BYTES, maxBodyBytes);
}

/** The largest message of a method in gRPC, gRPC-Web and Connect, decompressed. */
export function maxMessageBytesOf(method: DescMethod, maxBodyBytes: number): number {
  const { carriesDocument, maxRequestBytes } = operationOf(method);
  const largest = maxBodyBytes + MESSAGE_SLACK_BYTES;
  return carriesDocument ? largest : Math.min(maxRequestBytes || DEFAULT_MAX_BYTES, largest);
}

/**
 * Throws an Error for a method whose requests have no limits, or the wrong ones: such a server must not start. Every list and map has
 * max_items, and exactly the methods whose request has a document have carries_document.
 */
export function requireRequestLimits(method: DescMethod): void {
  requireItemLimits(method.input);
  const hasDocument = method.input.fields.some((field) => DOCUMENTS.has(field.name) && fieldRulesOf(field).jsonText);
  if (operationOf(method).carriesDocument !== hasDocument)
    throw new Error(`${method.parent.typeName}/${method.name}: carries_document is not what its request says`);
}

const DOCUMENTS: ReadonlySet<string> = new Set(["policies", "document"]);
