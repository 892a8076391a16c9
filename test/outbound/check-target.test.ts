import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { parseAllowList } from "../../src/outbound/allow-list.js";
import { checkTarget, createSystemResolver } from "../../src/outbound/check-target.js";
import { REFUSED_ADDRESSES, REFUSED_LITERAL_URLS, REFUSED_SPELLINGS } from "./addresses.js";
import { scriptedResolver } from "./scripted-resolver.js";

const HOOK = "https://hooks.example.com/secret-path";

async function refusal(url: string, resolver = scriptedResolver({}).resolver, allow = "", orgs = ["acme"]) {
  const error: unknown = await checkTarget(url, orgs, parseAllowList(allow), resolver).then(
    () => new Error("was not refused"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return error;
}

describe("checkTarget", () => {
  it.each(REFUSED_LITERAL_URLS)("refuses %s, by http and https, without a look-up", async (url) => {
    const { resolver, asked } = scriptedResolver({});
    for (const text of [`${url}:8080/x`, `${url.replace("http:", "https:")}/x`]) {
      expect(await refusal(text, resolver)).toMatchObject({ code: "malformed", reason: "webhook_address_refused" });
    }
    expect(asked).toEqual([]);
  });

  it.each(REFUSED_ADDRESSES)("refuses a name that leads to %s (%s)", async (address) => {
    const { resolver } = scriptedResolver({ "hooks.example.com": [[address]] });
    const error = await refusal(HOOK, resolver);
    expect(error).toMatchObject({ code: "malformed", reason: "webhook_address_refused" });
    expect(error.message).not.toContain(address);
    expect(error.message).not.toContain("secret-path");
  });

  it.each([
    ["no name", {}],
    ["an empty answer", { "hooks.example.com": [[]] }],
    ["name servers that fail", { "hooks.example.com": [Object.assign(new Error("x"), { code: "EAI_AGAIN" })] }],
  ])("refuses %s in the words for a private address", async (_, names) => {
    const error = await refusal(HOOK, scriptedResolver(names).resolver);
    expect(error).toMatchObject({ code: "malformed", reason: "webhook_address_refused" });
    const other = await refusal(HOOK, scriptedResolver({ "hooks.example.com": [["10.0.0.1"]] }).resolver);
    expect(error.message).toBe(other.message);
    expect(error.message).toContain("SIGNET_WEBHOOK_ALLOW");
  });

  it.each([
    ["the private one first", ["10.0.0.1", "8.8.8.8"]],
    ["the private one last", ["8.8.8.8", "2606:4700:4700::1111", "10.0.0.1"]],
    ["one of 50", [...Array.from({ length: 49 }, (_, i) => `8.8.8.${i}`), "::1"]],
  ])("refuses mixed answers: %s", async (_, answer) => {
    expect(await refusal(HOOK, scriptedResolver({ "hooks.example.com": [answer] }).resolver)).toMatchObject({
      reason: "webhook_address_refused",
    });
  });

  it("accepts https to public addresses, 50 of them too", async () => {
    const many = Array.from({ length: 50 }, (_, i) => `8.8.8.${i}`);
    const { resolver, asked } = scriptedResolver({ "hooks.example.com": [many] });
    await checkTarget("https://hooks.example.com./x", [], [], resolver);
    await checkTarget("https://8.8.8.8/x", [], [], resolver);
    expect(asked).toEqual(["hooks.example.com"]);
  });

  it("wants https where the operator did not allow all of the addresses", async () => {
    const { resolver } = scriptedResolver({ "hooks.example.com": [["8.8.8.8", "8.8.4.4"]] });
    const url = "http://hooks.example.com/";
    expect((await refusal(url, resolver)).message).toContain("must be https");
    expect((await refusal(url, resolver, "8.8.8.8")).message).toContain("must be https");
    await checkTarget(url, [], parseAllowList("8.8.8.8,8.8.4.4"), resolver);
    await checkTarget(url, [], parseAllowList("hooks.example.com"), resolver);
  });

  it("keeps an allowance to its organization", async () => {
    const { resolver } = scriptedResolver({ "hooks.internal": [["10.1.2.3"]] });
    const url = "http://hooks.internal/";
    await checkTarget(url, ["acme"], parseAllowList("acme=10.0.0.0/8"), resolver);
    expect(await refusal(url, resolver, "acme=10.0.0.0/8", ["globex"])).toMatchObject({ code: "malformed" });
    expect(await refusal(url, resolver, "acme=hooks.internal", ["globex"])).toMatchObject({ code: "malformed" });
  });

  it.each(REFUSED_SPELLINGS)("refuses %j without a look-up", async (url) => {
    const { resolver, asked } = scriptedResolver({});
    expect(await refusal(url, resolver)).toMatchObject({ code: "invalid" });
    expect(asked).toEqual([]);
  });

  it.each(["http://localhost/", "https://localhost:8443/", "https://LOCALHOST./"])(
    "refuses %s as this machine resolves it",
    async (url) => {
      expect(await refusal(url, createSystemResolver())).toMatchObject({ reason: "webhook_address_refused" });
    },
  );
});
