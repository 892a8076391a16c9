import type { DescMethod, Message } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { bindRequest } from "../../../src/api/rest/bind.js";
import { collectRoutes, type Route } from "../../../src/api/rest/routes.js";
import { AppError } from "../../../src/core/error.js";

/** The first route of a method whose implementation is never called. */
export function routeOf(method: DescMethod): Route {
  const [route] = collectRoutes([createMethodImplSpec(method, (() => ({})) as never)]);
  if (route === undefined) throw new Error(`${method.name} has no route`);
  return route;
}

export interface Parts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: string;
}

/** The fields of the bound message, without its type name. */
export function bind(method: DescMethod, { path = {}, query = "", body = "" }: Parts): Record<string, unknown> {
  const message: Message = bindRequest(routeOf(method), { pathValues: new Map(Object.entries(path)), query, body });
  const { $typeName, ...fields } = message;
  if ($typeName !== method.input.typeName) throw new Error(`bound a ${$typeName}`);
  return fields;
}

/** What a request is refused with: the code, then `loc` and type of each field. */
export function refusalOf(method: DescMethod, parts: Parts): readonly string[] {
  try {
    bind(method, parts);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return [thrown.code, ...thrown.fields.map(({ loc, type }) => `${loc.join(".")} ${type}`)];
  }
  return ["bound"];
}
