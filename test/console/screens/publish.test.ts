import { describe, expect, it } from "vitest";
import { EMPTY_DRAFT, labelFlaw, requestOf } from "../../../src/console/screens/publish/draft.js";
import { openFile } from "../../../src/console/screens/publish/open-file.js";

describe("the request of a draft", () => {
  it("has the document as it was typed, and no empty field", () => {
    expect(requestOf({ ...EMPTY_DRAFT, policies: ' {"a": 1.0}\n' })).toEqual({ policies: ' {"a": 1.0}\n', labels: {} });
  });

  it("has what was given", () => {
    const labels = [
      { key: " team ", value: "core" },
      { key: "", value: "" },
    ];
    expect(requestOf({ ...EMPTY_DRAFT, policies: "{}", title: " T ", labels, revision: "abc" })).toEqual({
      ...{ policies: "{}", title: "T", labels: { team: "core" } },
      source: { repository: "", revision: "abc", url: "" },
    });
  });

  it.each([
    [[], undefined],
    [[{ key: "", value: "x" }], "a label needs a key"],
    [
      [
        { key: "a", value: "1" },
        { key: "a ", value: "2" },
      ],
      "a key occurs twice",
    ],
    [Array.from({ length: 65 }, (_, n) => ({ key: `k${n}`, value: "" })), "at most 64 labels"],
  ])("finds what is wrong with labels: %j", (labels, flaw) => {
    expect(labelFlaw(labels)).toBe(flaw);
  });
});

describe("a file", () => {
  it("is taken to the byte", async () => {
    expect(await openFile(new File(['{"a": 1.0}\r\n'], "p.json"))).toEqual({
      ...{ kind: "text", name: "p.json", text: '{"a": 1.0}\r\n' },
    });
  });

  it.each([
    [new File(["a: 1"], "p.yaml"), /signet publish -f p\.yaml/],
    [new File([new Uint8Array([0x7b, 0xff, 0x7d])], "p.json"), /not UTF-8/],
    [new File([new Uint8Array(16 * 1024 * 1024 + 1)], "p.json"), /larger than 16 MiB/],
  ])("is refused: %o", async (file, because) => {
    expect(await openFile(file)).toEqual({ kind: "refused", because: expect.stringMatching(because) });
  });
});
