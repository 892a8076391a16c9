import { parsePublicKey, type PublicKey } from "../../../bundle/keys.js";
import { client } from "../../data/client.js";

/** The keys of the audit that the server tells, by their ids. They are as trustworthy as the server: the page says so. */
export async function auditKeys(): Promise<ReadonlyMap<string, PublicKey>> {
  const { keys } = await client.bundles.listKeys({});
  const own = keys.filter(({ purpose }) => purpose === "audit").map(({ publicKeyPem }) => parsePublicKey(publicKeyPem));
  return new Map(own.map((key) => [key.keyId, key]));
}
