import { describe, expect, it } from "vitest";
import { runDocumentTask } from "../../../src/service/documents/document-tasks.js";
import { promoteContent, readPolicyContent } from "../../../src/service/documents/policy-content.js";

describe("the content of a publish", () => {
  it("is served with the kind of every number and the order of every key, and hashed so", () => {
    const { content, canonical } = readPolicyContent(
      ' { "limit" : 1.0, "ratio": 1e2 , "tiny": 0.00001, "count": 1 }',
      null,
    );
    expect(content.policies).toBe('{"limit":1.0,"ratio":100.0,"tiny":1e-05,"count":1}');
    // By Python.
    expect(canonical.policyHash).toBe("sha256:c9896169ce3987f703c2c0cb7c241866a1a7628d7b35cabcde8a3ffea74eabac");
    expect(readPolicyContent(content.policies, content.scopePolicies)).toEqual({ content, canonical });
  });

  it("is never a signed bundle document: that is imported", () => {
    const signed = { version: 1, bundle_id: "b", policies: {}, policy_hash: "sha256:0", signature: "s" };
    const fields = [{ loc: ["body", "policies"], type: "signed_document", msg: expect.stringContaining("use import") }];
    const read = (policies: unknown) => readPolicyContent(JSON.stringify(policies), null);
    expect(() => read(signed)).toThrow(expect.objectContaining({ code: "invalid", fields }) as Error);
    const { signature: _, ...unsigned } = signed;
    for (const policies of [unsigned, { ...signed, version: 2 }, { signed }]) {
      expect(read(policies).content.policies).toBe(JSON.stringify(policies));
    }
  });

  it("tells 1.0 from 1", () => {
    const hashOf = (policies: string) => readPolicyContent(policies, null).canonical.policyHash;
    expect(hashOf('{"a":1.0}')).not.toBe(hashOf('{"a":1}'));
    expect(hashOf('{"a":1.0}')).toBe(hashOf('{"a":1e0}'));
  });

  it("keeps kinds when a promotion rewrites the keys of scope policies", () => {
    const { content } = readPolicyContent('{"a":1.0}', '{"t:a:g:dev": {"b": 2.0}, "t:a:g:*": {"c": -0.0}}');
    const promoted = promoteContent(content, "dev", "prod");
    expect(promoted.content).toMatchObject({
      policies: '{"a":1.0}',
      scopePolicies: '{"t:a:g:prod":{"b":2.0},"t:a:g:*":{"c":-0.0}}',
    });
    expect(promoted.canonical.policies).toBe('{"a":1.0}');
  });

  it("of before floats stayed floats keeps its hash when it is promoted", () => {
    // As JSON.stringify printed it: whole floats without a point, exponents as JavaScript writes them.
    const content = {
      id: "",
      policies: '{"limit":1,"tiny":0.00001,"huge":1e+21,"wide":100000000000000000,"zero":0}',
      scopePolicies: '{"t:a:g:*":{"least":1e-7}}',
    };
    const { canonical } = promoteContent(content, "dev", "prod");
    // By Python, of the text as it is kept.
    expect(canonical.policyHash).toBe("sha256:9a5f73b90cfa09dad3c7497e06d224939f6d6f1d20b070abec1d6dc58d186c7e");
    const from = '{"limit":1,"tiny":0.00001}';
    const diff = (to: string) => runDocumentTask({ kind: "diff", from, to });
    expect(diff('{"limit":1,"tiny":1e-05}')).toBe("[]");
    expect(diff('{"limit":1.0,"tiny":1e-05}')).toBe('[{"op":"replace","path":"/limit","value":1.0}]');
  });
});
