import { getOption, hasOption, type DescMethod } from "@bufbuild/protobuf";
import { operation as operationOption, Scope, type Operation } from "../../../gen/signet/v1/options_pb.js";
import type { Principal, TokenScope } from "../../core/token.js";

/**
 * The operation of a method, from its proto option.
 * Throws when it has none, one without id, scope or success status, or one with two sizes: such a server must not start.
 */
export function operationOf(method: DescMethod): Operation {
  const name = `${method.parent.typeName}/${method.name}`;
  if (!hasOption(method, operationOption)) throw new Error(`${name} has no (signet.v1.operation) option`);
  const operation = getOption(method, operationOption);
  if (operation.id === "") throw new Error(`${name}: its operation has no id`);
  if (operation.scope === Scope.UNSPECIFIED) throw new Error(`${name}: its operation has no scope`);
  if (operation.successStatus < 200 || operation.successStatus > 299) {
    throw new Error(`${name}: its operation has no success status`);
  }
  if (operation.carriesDocument && operation.maxRequestBytes > 0)
    throw new Error(`${name}: its operation has max_request_bytes beside carries_document`);
  return operation;
}

type NamedScope = Exclude<Scope, Scope.UNSPECIFIED | Scope.ANY | Scope.OPERATOR>;

/** How a scope is called in tokens and texts. */
const TOKEN_SCOPES: Readonly<Record<NamedScope, TokenScope>> = {
  [Scope.READ]: "read",
  [Scope.WRITE]: "write",
  [Scope.BUNDLE_PUBLISH]: "bundle:publish",
  [Scope.ORG_ADMIN]: "org:admin",
  [Scope.RUNTIME]: "runtime",
  [Scope.AUDIT_READ]: "audit:read",
  [Scope.METRICS]: "metrics",
};

/** The scope as a text: `bundle:publish`, `any`, `operator`. */
export function scopeName(scope: Scope): string {
  if (scope === Scope.UNSPECIFIED) throw new Error("an operation without a scope");
  if (scope === Scope.ANY) return "any";
  if (scope === Scope.OPERATOR) return "operator";
  return TOKEN_SCOPES[scope];
}

/** Whether a token carries the scope that an operation needs. */
export function carriesScope(principal: Principal, scope: Scope): boolean {
  if (scope === Scope.UNSPECIFIED) return false;
  if (scope === Scope.ANY) return true;
  if (scope === Scope.OPERATOR) return principal.isOperator && principal.scopes.includes("org:admin");
  // An administrator's rights include these.
  if (scope === Scope.AUDIT_READ && principal.scopes.includes("org:admin")) return true;
  if (scope === Scope.METRICS && principal.isOperator && principal.scopes.includes("org:admin")) return true;
  return principal.scopes.includes(TOKEN_SCOPES[scope]);
}
