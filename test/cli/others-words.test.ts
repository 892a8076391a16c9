import {
  create,
  getOption,
  hasOption,
  ScalarType,
  type DescField,
  type DescMessage,
  type Message,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorDetailSchema, field as fieldOption } from "../../gen/signet/v1/options_pb.js";
import { createSignetClient } from "../../src/sdk/index.js";
import { everyCommand } from "./every-command.js";
import { printable } from "../../src/core/printable.js";
import { runSignet } from "./in-process.js";
import { SERVICES } from "./services.js";

/** A line break of each kind, a forged row, C0, C1, bidi controls, and what shows nothing. */
const NASTY = "w\r\nforged  row\u0085\u2028\u001b[2J\u009b31m\u202e\u2066\u200b\ufeff\u00ad\u2800\u{e0041}";
const UNSEEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\ufeff\u{e0000}-\u{e007f}]/u;

const SKIPPED: Readonly<Record<string, string>> = {
  serve: "runs a server",
  quickstart: "runs a server",
  login: "keeps what it hears",
  logout: "asks no server",
  "context list": "asks no server",
  "context use": "asks no server",
  "context show": "asks no server",
  "context set": "asks no server",
  "context remove": "asks no server",
  health: "asks over HTTP",
  version: "asks over HTTP",
  open: "asks no server",
  completion: "prints a script of ours",
  licenses: "prints a file of ours",
  verify: "offline",
  apply: "reads a whole server",
  agent: "follows a stream",
  watch: "follows a stream",
  events: "follows a stream",
  "audit verify": "follows numbers",
  prune: "goes on while there is more",
};

let words = "";
let server: Http2Server;
let url = "";
const folder = mkdtempSync(join(tmpdir(), "signet-words-"));
const file = join(folder, "policy.json");

beforeAll(async () => {
  writeFileSync(file, '{"a":1}');
  server = createServer(connectNodeAdapter({ routes }));
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

/** Answers every call with a message that is full of `words`; the organization "refused" with an error that is. */
function routes(router: ConnectRouter): void {
  for (const service of SERVICES) {
    const methods = service.methods.filter(({ methodKind }) => methodKind === "unary");
    const answers = methods.map(({ localName, output }) => [
      localName,
      (request: Message & { orgId?: string }) => {
        if (request.orgId !== REFUSED) return filled(output);
        const detail = { reason: words, requestId: words, fields: [{ loc: ["body", words], msg: words, type: words }] };
        throw new ConnectError(words, Code.InvalidArgument, undefined, [{ desc: ErrorDetailSchema, value: detail }]);
      },
    ]);
    router.service(service, Object.fromEntries(answers) as object);
  }
}

const REFUSED = "0b0c0d0e-0000-4000-8000-00000000dead";

function filled(desc: DescMessage): Message {
  const message = reflect(desc, create(desc));
  if (desc.typeName === TimestampSchema.typeName) return message.message;
  for (const field of desc.fields) {
    if (field.fieldKind === "scalar") message.set(field, scalarOf(field));
    else if (field.fieldKind === "message") message.set(field, reflect(field.message, filled(field.message)));
    else if (field.fieldKind === "list" && field.listKind === "message") {
      for (let n = 0; n < 2; n += 1) message.get(field).add(reflect(field.message, filled(field.message)));
    } else if (field.fieldKind === "list" && field.listKind === "scalar") {
      message.get(field).add(field.scalar === ScalarType.STRING ? words : 1);
    } else if (field.fieldKind === "map") message.get(field).set(words, words);
  }
  return message.message;
}

function scalarOf(field: DescField & { fieldKind: "scalar" }): unknown {
  if (field.scalar === ScalarType.BOOL) return false;
  if (field.scalar !== ScalarType.STRING) return 1;
  const rules = hasOption(field, fieldOption) ? getOption(field, fieldOption) : undefined;
  if (rules?.jsonText !== true) return words;
  if (field.name === "patch") return JSON.stringify([{ op: "add", path: `/${words}`, value: words }]);
  return JSON.stringify({ [words]: words });
}

async function run(argv: readonly string[], as: string, isTerminal = true) {
  words = as;
  const environment = { SIGNET_TOKEN: "t", SIGNET_URL: url, NO_COLOR: "1" };
  return await runSignet(argv, { environment, isTerminal, isErrTerminal: true });
}

describe("words that others wrote do nothing to a terminal and forge no line", () => {
  const commands = everyCommand(file).filter((it) => !(it.words in SKIPPED));

  it.each(commands.map((it) => [it.words, it.argv] as const))("signet %s", async (_words, argv) => {
    // As long as what is shown of the other one: a layout may depend on the length.
    const plain = await run(argv, "w".repeat(printable(NASTY).length));
    const nasty = await run(argv, NASTY);
    expect(nasty.exitCode, nasty.err).toBe(plain.exitCode);
    for (const stream of ["out", "err"] as const) {
      expect(UNSEEN.exec(nasty[stream])?.index, nasty[stream]).toBeUndefined();
      expect(nasty[stream].split("\n")).toHaveLength(plain[stream].split("\n").length);
    }
  });

  it("errors of a server, with their fields", async () => {
    const { exitCode, err } = await run(["audit", "list", "--org", REFUSED], NASTY);
    expect(exitCode).toBe(6);
    expect(UNSEEN.exec(err)).toBeNull();
    expect(err.split("\n")).toHaveLength(4);
    expect(err).toContain("w\\u000d\\u000aforged  row");
  });

  it("JSON stays the JSON that it was, and on standard error is spelled in what can be seen", async () => {
    const { out } = await run(["whoami", "--json"], NASTY, false);
    expect(JSON.parse(out)).toMatchObject({ key_prefix: NASTY });
    const { err } = await run(["audit", "list", "--org", REFUSED, "--json"], NASTY);
    expect(UNSEEN.exec(err)).toBeNull();
    expect(JSON.parse(err)).toMatchObject({ message: NASTY });
  });
});

it("the list of services is whole", () => {
  const nothing = () => Promise.reject(new Error("nothing is called"));
  const named = Object.keys(createSignetClient({ transport: { unary: nothing, stream: nothing }, token: "t" }));
  expect(SERVICES).toHaveLength(named.length);
});
