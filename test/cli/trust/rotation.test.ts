import { expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer } from "../../support/server.js";
import { People } from "./people.js";

it("the attestation key is rotated by two roots, and the first root that a runtime was given still proves what is active", async () => {
  await using server = await startTestServer();
  using people = new People();
  people.write("policy.json", '{"rules": []}');
  const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN };
  const json = async (command: string) => await people.json(command, { environment });
  const publishRoot = async () => {
    await json("trust online-keys --dir @trust");
    await json("trust sign --dir @trust --key @root.key");
    return await json("trust publish --dir @trust");
  };
  await json("trust init --dir @trust --key-out @root.key --no-passphrase");
  await json("publish --env dev -f @policy.json");
  await json("keys rotate --purpose attestation");
  expect(await publishRoot()).toMatchObject({ version: 2 });
  await json("keys activate --purpose attestation");
  const verify = "verify --root @trust/1.root.json --env dev";
  expect(await json(verify)).toMatchObject({
    root: { version: 2 },
    lease: { signed_by: [{ name: "server-2" }] },
    activation: { sequence: 1 },
  });
  expect(await publishRoot()).toMatchObject({ version: 3 });
  expect(await json(verify)).toMatchObject({
    root: { version: 3 },
    activation: { sequence: 1, signed_by: [{ name: "server-2" }] },
  });
});
