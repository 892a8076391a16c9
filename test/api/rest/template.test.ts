import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../../src/api/rest/template.js";

const one = { kind: "one" };
const rest = { kind: "rest" };
const literal = (text: string) => ({ kind: "literal", text });

describe("parseTemplate", () => {
  it.each([
    ["/v1/keys", [literal("v1"), literal("keys")], [], ""],
    ["/v1/orgs/{org_id}", [literal("v1"), literal("orgs"), one], [["org_id", 2, 3]], ""],
    ["/a/*/{x}", [literal("a"), one, one], [["x", 2, 3]], ""],
    [
      "/v1/{name=shelves/*/books/*}",
      [literal("v1"), literal("shelves"), one, literal("books"), one],
      [["name", 1, 5]],
      "",
    ],
    ["/v1/{name=**}", [literal("v1"), rest], [["name", 1, 2]], ""],
    ["/v1/**", [literal("v1"), rest], [], ""],
    ["/v1/{sub.sub_field.x}:run", [literal("v1"), one], [["sub.sub_field.x", 1, 2]], "run"],
    [
      "/v1/{a}/x/{b}",
      [literal("v1"), one, literal("x"), one],
      [
        ["a", 1, 2],
        ["b", 3, 4],
      ],
      "",
    ],
    ["/v1/{name=files/**}:get", [literal("v1"), literal("files"), rest], [["name", 1, 3]], "get"],
    ["/caf%C3%A9/a%2Fb", [literal("café"), literal("a/b")], [], ""],
  ])("%s", (text, segments, variables, verb) => {
    const template = parseTemplate(text);
    expect(template.segments).toEqual(segments);
    expect(template.variables.map(({ field, start, end }) => [field, start, end])).toEqual(variables);
    expect(template.verb).toBe(verb);
  });

  it.each([
    ["", 'expected "/"'],
    ["v1/keys", 'expected "/"'],
    ["/", "expected a segment"],
    ["/v1//x", "expected a segment"],
    ["/v1/", "expected a segment"],
    ["/v1/{", "expected a field name"],
    ["/v1/{}", "expected a field name"],
    ["/v1/{1a}", "expected a field name"],
    ["/v1/{a.}", "expected a field name"],
    ["/v1/{a", 'expected "}"'],
    ["/v1/{a=}", "expected a segment"],
    ["/v1/{a={b}}", "a variable inside of a variable"],
    ["/v1/{a=x/{b}}", "a variable inside of a variable"],
    ["/v1/**/x", '"**" is not the last segment'],
    ["/v1/{a=**}/x", '"**" is not the last segment'],
    ["/v1/x:", "expected a verb"],
    ["/v1/x:a:b", 'unexpected ":"'],
    ["/v1/x:a/b", 'unexpected "/"'],
    ["/v1/a{b}", 'unexpected "{"'],
    ["/v1/{b}c", 'unexpected "c"'],
    ["/v1/***", 'unexpected "*"'],
    ["/v1/a?b=c", 'unexpected "?"'],
    ["/v1/%C3", "is not percent-encoded UTF-8"],
    ["/v1/%zz", "expected a segment"],
    ["/v1/..", 'the segment ".."'],
    ["/v1/%2e", 'the segment "."'],
    ["/v1/{a}/{a}", "bind the same field"],
    ["/v1/{a}/{a.b}", "bind the same field"],
    ["/v1/{a.b}/{a}", "bind the same field"],
  ])("refuses %s", (text, problem) => {
    expect(() => parseTemplate(text)).toThrow(problem);
    expect(() => parseTemplate(text)).toThrow(`path template "${text}"`);
  });

  it("does not take fields of a common prefix for the same", () => {
    expect(parseTemplate("/{a}/{ab}/{a_b}").variables).toHaveLength(3);
  });
});
