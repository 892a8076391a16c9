import { describe, expect, it } from "vitest";
import { EMPTY_DRAFT, parseDraft } from "../../../src/console/screens/publish/draft.js";

describe("the draft that a tab keeps", () => {
  it("comes back, with what an older release did not keep empty", () => {
    const labels = [{ key: "a", value: "b" }];
    expect(parseDraft(JSON.stringify({ policies: "{}", labels }))).toEqual({ ...EMPTY_DRAFT, policies: "{}", labels });
  });

  it.each([
    ...["null", "{", "5", '"text"', '{"policies":5}', '{"title":null}', '{"labels":{}}'],
    ...['{"labels":[null]}', '{"labels":[{"key":"a"}]}', '{"labels":[{"key":"a","value":{}}]}'],
  ])("is none when something else wrote %s", (text) => {
    expect(parseDraft(text)).toBeUndefined();
  });
});
