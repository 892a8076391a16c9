import { expect, it } from "vitest";
import type { PipelineApp } from "../../../src/core/pipeline.js";
import { PromotedHashes } from "../../../src/service/pipelines/promoted-hashes.js";
import { publishInput, useServices } from "../fixture.js";
import { createFanOut } from "./pipeline-fixture.js";

const signet = useServices();

it("the hash of a promotion that rewrites a content is made once, however often it is looked at", async () => {
  const fan = await createFanOut(signet, 1);
  const input = publishInput({ scopePolicies: '{"t:a:g:dev":{"b":1}}' });
  await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
  const { stages } = await fan.view();
  const source = stages[0]?.apps[0]?.app as PipelineApp;
  const { read } = signet.store;
  let contents = 0;
  const counting = {
    ...read,
    content: (id: string) => {
      contents += 1;
      return read.content(id);
    },
  };
  const hashes = new PromotedHashes(signet.services.documents);
  const [first, again, other] = [
    await hashes.hash(signet.admin, counting, source, "t0"),
    await hashes.hash(signet.admin, counting, source, "t0"),
    await hashes.hash(signet.admin, counting, source, "t1"),
  ];
  expect(first).toMatch(/^sha256:/);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  expect(contents).toBe(2);
});
