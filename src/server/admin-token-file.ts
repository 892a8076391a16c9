import { join } from "node:path";
import { writeSecretFile } from "../service/keys/secret-file.js";

/** Where a data directory keeps the admin token that was made for it, for its owner to fetch. */
export function adminTokenFile(dataDirectory: string): string {
  return join(dataDirectory, "admin-token");
}

/** Keeps a made admin token, readable by the owner alone. */
export function keepAdminToken(dataDirectory: string, rawKey: string): void {
  writeSecretFile(adminTokenFile(dataDirectory), `${rawKey}\n`);
}
