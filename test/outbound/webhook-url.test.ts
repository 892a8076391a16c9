import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { describeUrl, parseWebhookUrl } from "../../src/outbound/webhook-url.js";
import { REFUSED_LITERAL_URLS, REFUSED_SPELLINGS } from "./addresses.js";

describe("parseWebhookUrl", () => {
  it.each(REFUSED_SPELLINGS)("refuses %j", (url, type) => {
    let refusal: unknown;
    try {
      parseWebhookUrl(url);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: "invalid", fields: [{ loc: ["body", "url"], type }] });
    // What is refused may hold secrets.
    expect((refusal as AppError).message).not.toMatch(/secret|example|127/);
  });

  it.each([
    ["https://Hooks.Example.com", "hooks.example.com", 443, "hooks.example.com", "/"],
    ["HTTPS://hooks.example.com.:8443/a?b=c", "hooks.example.com", 8443, "hooks.example.com:8443", "/a?b=c"],
    ["http://hooks.example.com:80/", "hooks.example.com", 80, "hooks.example.com", "/"],
    ["https://hooks.example.com:80/", "hooks.example.com", 80, "hooks.example.com:80", "/"],
    ["https://bücher.test/ü?ü", "xn--bcher-kva.test", 443, "xn--bcher-kva.test", "/%C3%BC?%C3%BC"],
    ["https://localhost./", "localhost", 443, "localhost", "/"],
    ["http://[2606:4700::1111]:81/x", "2606:4700::1111", 81, "[2606:4700::1111]:81", "/x"],
    ["http://0x7f.1/", "127.0.0.1", 80, "127.0.0.1", "/"],
    ["https://h/a/../b/@c", "h", 443, "h", "/b/@c"],
  ])("reads %s", (url, host, port, authority, path) => {
    expect(parseWebhookUrl(url)).toEqual({ isSecure: /^https:/i.test(url), host, port, authority, path });
  });

  it("reads a host name beyond ASCII as often as it is asked, compiled or not", () => {
    for (let n = 0; n < 20_000; n += 1) expect(parseWebhookUrl("https://bücher.test/").host).toBe("xn--bcher-kva.test");
  });

  it.each(REFUSED_LITERAL_URLS)("makes one address of %s", (url) => {
    expect(parseWebhookUrl(`${url}:8080/`).host).toMatch(/^\d+\.\d+\.\d+\.\d+$|^[0-9a-f:]+$/);
  });

  it("reads up to 2,000 characters", () => {
    const url = `https://h/${"a".repeat(1_990)}`;
    expect(url).toHaveLength(2_000);
    expect(parseWebhookUrl(url).host).toBe("h");
  });
});

describe("describeUrl", () => {
  it("shows where it leads and nothing of the rest", () => {
    const shown = describeUrl("https://hooks.example.com:8443/services/T0SECRET?token=verysecret");
    expect(shown).toMatch(/^hooks\.example\.com:8443 sha256:[0-9a-f]{12}$/);
    expect(shown).not.toMatch(/secret|services|token/i);
  });

  it("tells URLs of one host apart", () => {
    expect(describeUrl("https://h/a")).not.toBe(describeUrl("https://h/b"));
    expect(describeUrl("https://h/a")).not.toBe(describeUrl("https://h/a?b"));
    expect(describeUrl("https://h/a")).toBe(describeUrl("https://H.:443/a"));
  });

  it("shows nothing of what is no URL", () => {
    expect(describeUrl("https://user:secret@h/")).toBe("invalid URL");
  });
});
