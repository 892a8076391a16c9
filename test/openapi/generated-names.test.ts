import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const document = JSON.parse(readFileSync(new URL("../../gen/openapi.json", import.meta.url), "utf8")) as {
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: Record<string, object> }>> };
};

describe("what generators of clients trip over", () => {
  it("no schema has the name of a type that they make for an operation", () => {
    expect(Object.keys(document.components.schemas).filter((name) => name.endsWith("Response"))).toEqual([]);
  });

  it("every integer says how large it may be, and is int64 where 32 bits with a sign do not hold it", () => {
    const integers: { format?: string; maximum?: number }[] = [];
    JSON.stringify(document, (_key, value: unknown) => {
      const { type } = (value ?? {}) as { type?: unknown };
      if ([type].flat().includes("integer")) integers.push(value as object);
      return value;
    });
    expect(integers.length).toBeGreaterThan(50);
    const wrong = integers.filter(
      ({ format, maximum = Infinity }) => format !== (maximum < 2 ** 31 ? "int32" : "int64"),
    );
    expect(wrong).toEqual([]);
  });

  it("an error's detail is no choice between types", () => {
    expect(document.components.schemas["Error"]?.properties?.["detail"]).not.toHaveProperty("oneOf");
  });
});
