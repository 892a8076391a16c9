import { describe, expect, it } from "vitest";
import { classifyAddress } from "../../src/outbound/address-range.js";
import { isListed, mayConnect, type Destination } from "../../src/outbound/address-rules.js";
import { parseAllowList } from "../../src/outbound/allow-list.js";
import { NO_ADDRESSES, PUBLIC_ADDRESSES, REFUSED_ADDRESSES } from "./addresses.js";

const hooks: Destination = { host: "hooks.example.com", isSecure: true, orgs: ["0a1b", "acme"] };

describe("classifyAddress", () => {
  it.each(REFUSED_ADDRESSES)("%s is %s, and not public", (address, range) => {
    expect(classifyAddress(address)).toBe(range);
    expect(mayConnect(address, hooks, [])).toBe(false);
  });

  it.each(PUBLIC_ADDRESSES)("%s is public", (address) => {
    expect(classifyAddress(address)).toBe("public");
    expect(mayConnect(address, hooks, [])).toBe(true);
  });

  it.each(NO_ADDRESSES)("%j is no address", (text) => {
    expect(classifyAddress(text)).toBe("notAnAddress");
    expect(mayConnect(text, hooks, parseAllowList("0.0.0.0/0,::/0,hooks.example.com"))).toBe(false);
  });
});

describe("mayConnect", () => {
  it("does not send to a public address without https", () => {
    expect(mayConnect("8.8.8.8", { ...hooks, isSecure: false }, [])).toBe(false);
    expect(mayConnect("8.8.8.8", { ...hooks, isSecure: false }, parseAllowList("8.8.8.8"))).toBe(true);
    expect(mayConnect("8.8.4.4", { ...hooks, isSecure: false }, parseAllowList("8.8.8.8"))).toBe(false);
  });

  it.each([
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["fd12::/32", "fd12::7", true],
    ["fd12::/32", "fd13::7", false],
    ["127.0.0.1,10.0.0.0/8", "10.1.2.3", true],
    ["0.0.0.0/0", "127.0.0.1", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "::1", true],
    ["::/0", "127.0.0.1", false],
    ["hooks.example.com", "10.1.2.3", true],
    ["HOOKS.Example.com.", "10.1.2.3", true],
    ["*.example.com", "fd12::7", true],
    ["example.com", "10.1.2.3", false],
    ["*.hooks.example.com", "10.1.2.3", false],
    ["*.ple.com", "10.1.2.3", false],
  ])("%s and %s: %s", (text, address, expected) => {
    const allowList = parseAllowList(text);
    expect(isListed(address, hooks, allowList)).toBe(expected);
    expect(mayConnect(address, { ...hooks, isSecure: false }, allowList)).toBe(expected);
  });

  it.each(["169.254.1.1", "224.0.0.1", "0.0.0.0", "fe80::1", "::", "192.0.2.1", "ff02::1"])(
    "a name does not open %s; its range does",
    (address) => {
      expect(mayConnect(address, hooks, parseAllowList("hooks.example.com,*.example.com"))).toBe(false);
      expect(mayConnect(address, hooks, parseAllowList(address))).toBe(true);
    },
  );

  it.each([
    ["169.254.169.254", "169.254.0.0/16"],
    ["169.254.169.254", "169.254.169.254/31"],
    ["100.100.100.200", "100.64.0.0/10"],
    ["168.63.129.16", "0.0.0.0/0"],
    ["fd00:ec2::254", "fd00::/8"],
    ["fd00:ec2::254", "::/0"],
  ])("%s needs an entry of its own, not %s or a name", (address, network) => {
    expect(mayConnect(address, hooks, parseAllowList(`${network},hooks.example.com`))).toBe(false);
    expect(mayConnect(address, hooks, parseAllowList(address))).toBe(true);
  });

  it.each(["::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001::1"])(
    "%s stays shut, whatever is allowed",
    (address) => {
      expect(mayConnect(address, hooks, parseAllowList("0.0.0.0/0,::/0,127.0.0.1,hooks.example.com"))).toBe(false);
    },
  );

  it("judges an address behind NAT64 by both addresses", () => {
    const nat64 = parseAllowList("64:ff9b::/96");
    expect(mayConnect("64:ff9b::8.8.8.8", hooks, [])).toBe(false);
    expect(mayConnect("64:ff9b::8.8.8.8", hooks, nat64)).toBe(true);
    expect(mayConnect("64:ff9b::8.8.8.8", { ...hooks, isSecure: false }, nat64)).toBe(false);
    expect(mayConnect("64:ff9b::127.0.0.1", hooks, nat64)).toBe(false);
    expect(mayConnect("64:ff9b::a9fe:a9fe", hooks, nat64)).toBe(false);
    expect(mayConnect("64:ff9b::10.1.2.3", hooks, parseAllowList("64:ff9b::/96,10.0.0.0/8"))).toBe(true);
    expect(mayConnect("64:ff9b::10.1.2.3", hooks, parseAllowList("10.0.0.0/8"))).toBe(false);
  });

  it("keeps what is allowed to one organization from the others", () => {
    const allowList = parseAllowList("ACME=10.0.0.0/8, globex = 192.168.0.0/16, acme=*.example.com");
    expect(mayConnect("10.1.2.3", hooks, allowList)).toBe(true);
    expect(mayConnect("10.1.2.3", { ...hooks, orgs: ["0a1b", "globex"] }, allowList)).toBe(false);
    expect(mayConnect("10.1.2.3", { ...hooks, orgs: [] }, allowList)).toBe(false);
    expect(mayConnect("fd12::1", { ...hooks, orgs: ["globex"] }, allowList)).toBe(false);
    expect(mayConnect("192.168.1.1", { ...hooks, orgs: ["globex"] }, allowList)).toBe(true);
    expect(mayConnect("192.168.1.1", { ...hooks, host: "other.test" }, allowList)).toBe(false);
  });
});
