import { describe, expect, it } from "vitest";
import { formatTarHeader, parseTarHeader } from "../../src/tar/tar-header.js";

const MEMBER = { name: "signet.db", bytes: 1, modified: 1_795_867_200, mode: 0o600 };

describe("the header of a tar file", () => {
  it("is there for any size that tar knows", () => {
    for (const bytes of [0, 1, 8 ** 11 - 1, 8 ** 11, 2 ** 45]) {
      const member = { ...MEMBER, bytes };
      expect(parseTarHeader(formatTarHeader(member), 0o600)).toEqual(member);
    }
  });

  it("is refused for every changed byte, and for another mode", () => {
    const header = formatTarHeader(MEMBER);
    for (let at = 0; at < header.length; at += 1) {
      const changed = Buffer.from(header);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(parseTarHeader(changed, 0o600), `byte ${at}`).not.toEqual(MEMBER);
    }
    expect(parseTarHeader(header, 0o644)).toBeNull();
  });

  it.each(["", "a".repeat(101), "with space", "ünïcode"])("has no name %j", (name) => {
    expect(() => formatTarHeader({ ...MEMBER, name })).toThrow(RangeError);
  });
});
