import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, type FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { once } from "node:events";
import { connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { grpcClient } from "./grpc-js.js";
import { openRig } from "../http/rig.js";

interface Answer {
  readonly message_response: string;
  readonly original_request: Record<string, unknown>;
  readonly file_descriptor_response?: { file_descriptor_proto: Uint8Array[] };
  readonly all_extension_numbers_response?: { base_type_name: string; extension_number: number[] };
  readonly list_services_response?: { service: { name: string }[] };
  readonly error_response?: { error_code: number; error_message: string };
}

async function ask(port: number, version: string, ...questions: Record<string, unknown>[]): Promise<Answer[]> {
  using client = grpcClient(port);
  const stream = client.bidi(`grpc.reflection.${version}.ServerReflection`, "ServerReflectionInfo");
  for (const question of questions) stream.write(question);
  stream.end();
  const answers: Answer[] = [];
  for await (const answer of stream) answers.push(answer as unknown as Answer);
  return answers;
}

function filesOf(answer: Answer | undefined): FileDescriptorProto[] {
  const files = answer?.file_descriptor_response?.file_descriptor_proto ?? [];
  return files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

describe.each(["v1", "v1alpha"])("grpc.reflection.%s", (version) => {
  test("lists the services, its own too", async () => {
    await using rig = await openRig();
    const [answer] = await ask(rig.port, version, { list_services: "*" });
    expect(answer?.list_services_response?.service.map(({ name }) => name)).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "signet.v1.BundleService",
      "signet.v1.RuntimeService",
    ]);
  });

  test.each([
    "signet.v1.BundleService",
    "signet.v1.BundleService.PublishBundle",
    "signet.v1.PublishBundleRequest",
    "signet.v1.PublishBundleRequest.policies",
    "signet.v1.PublishBundleRequest.LabelsEntry",
  ])("the file of %s comes with all that it imports, and makes a whole registry", async (symbol) => {
    await using rig = await openRig();
    const [answer] = await ask(rig.port, version, { file_containing_symbol: symbol });
    const file = filesOf(answer);
    expect(file[0]?.name).toBe("signet/v1/bundle.proto");
    const [first] = file;
    if (first === undefined) throw new Error("no file");
    const registry = createFileRegistry(first, (name) => file.find((one) => one.name === name));
    const method = registry.getService("signet.v1.BundleService")?.method["publishBundle"];
    expect(method?.input.typeName).toBe("signet.v1.PublishBundleRequest");
    // Our own options and google.api.http travel as extensions of the method's options.
    expect(method?.proto.options?.$unknown?.map(({ no }) => no).sort()).toEqual([72295728, 80010]);
  });

  test("does not repeat on one stream what was sent, but answers each question", async () => {
    await using rig = await openRig();
    const question = { file_by_filename: "signet/v1/bundle.proto" };
    const answers = await ask(rig.port, version, question, question);
    expect(filesOf(answers[0]).length).toBeGreaterThan(3);
    expect(filesOf(answers[1]).map(({ name }) => name)).toEqual(["signet/v1/bundle.proto"]);
  });

  test("knows extensions", async () => {
    await using rig = await openRig();
    const extension = { containing_type: "google.protobuf.MethodOptions", extension_number: 80010 };
    const [file, numbers] = await ask(
      rig.port,
      version,
      { file_containing_extension: extension },
      { all_extension_numbers_of_type: "google.protobuf.MethodOptions" },
    );
    expect(filesOf(file)[0]?.name).toBe("signet/v1/options.proto");
    expect(numbers?.all_extension_numbers_response).toEqual({
      base_type_name: "google.protobuf.MethodOptions",
      extension_number: [80010, 72295728],
    });
  });

  test.each([
    { file_by_filename: "nothing.proto" },
    { file_containing_symbol: "signet.v1.Nothing" },
    { file_containing_extension: { containing_type: "signet.v1.Bundle", extension_number: 1 } },
    { all_extension_numbers_of_type: "signet.v1.Nothing" },
  ])("answers %j with not found, and goes on", async (question) => {
    await using rig = await openRig();
    const [refused, after] = await ask(rig.port, version, question, { list_services: "" });
    expect(refused?.error_response?.error_code).toBe(5);
    expect(after?.message_response).toBe("list_services_response");
  });

  test.each([
    ["does not end", [0x0a, 0x7f, 0x61]],
    ["is no UTF-8", [0x0a, 2, 0xff, 0xfe]],
  ])("refuses a question that %s as the caller's error, which nobody logs as the server's", async (_why, bytes) => {
    await using rig = await openRig();
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const body = Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
    const session = connect(rig.url);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    const [trailers] = (await Promise.all([once(stream, "trailers"), once(stream.resume().end(body), "end")]))[0];
    session.close();
    expect(trailers).toMatchObject({ "grpc-status": "3" });
    expect(rig.logLines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test("ends after 256 questions", async () => {
    await using rig = await openRig();
    const questions = Array.from({ length: 300 }, () => ({ list_services: "" }));
    await expect(ask(rig.port, version, ...questions)).rejects.toMatchObject({ code: 8 });
  });
});

test("reflection needs HTTP/2: HTTP/1.1 is told so", async () => {
  await using rig = await openRig();
  const answer = await fetch(`${rig.url}/grpc.reflection.v1.ServerReflection/ServerReflectionInfo`, {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: "",
  });
  expect(answer.status).toBe(505);
});
