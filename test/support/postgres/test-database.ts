import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { openDatabases, type Databases } from "../../../tools/postgres/databases.js";
import { leftDatabases } from "./left-databases.js";
import { askForCluster } from "./shared-cluster.js";

/** A database of the test's own in the server that all test files of a run share. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** As its owner, who is no superuser. */
  readonly url: string;
  /** As the superuser `postgres`. */
  readonly adminUrl: string;
  /** Ends all its sessions, as `pg_terminate_backend` does. Returns how many. */
  terminateBackends(): Promise<number>;
}

/** What new databases are copies of. */
export interface DatabaseTemplate {
  /** Unique among the templates of a run. */
  readonly name: string;
  /** Fills it, once in a run, and leaves nothing connected. */
  readonly fill: (url: string) => Promise<void>;
}

let shared: Promise<Databases> | undefined;

/** The databases of the server that all test files of a run share; it starts when the first asks. Nobody may stop or freeze it. */
export function sharedDatabases(): Promise<Databases> {
  return (shared ??= askForCluster(inject("postgresLauncher")).then(openDatabases));
}

/**
 * A new database, empty or a copy of a template. It is dropped with its sessions at the end of the test file, or when it is
 * disposed: many tests of a file that each want one dispose theirs, as each takes 8 MB.
 */
export async function testDatabase(template?: DatabaseTemplate): Promise<TestDatabase> {
  const databases = await sharedDatabases();
  const from = template === undefined ? undefined : await provideTemplate(databases, template);
  const name = `test_${randomBytes(6).toString("hex")}`;
  const drop = async () => {
    leftDatabases.delete(name);
    await databases.dropDatabase(name);
  };
  leftDatabases.set(name, drop);
  return {
    name,
    url: await databases.createDatabase(name, from),
    adminUrl: databases.adminUrl(name),
    terminateBackends: () => databases.terminateBackends(name),
    [Symbol.asyncDispose]: drop,
  };
}

const templates = new Map<string, Promise<string>>();

function provideTemplate(databases: Databases, template: DatabaseTemplate): Promise<string> {
  const known = templates.get(template.name) ?? fillTemplate(databases, template);
  templates.set(template.name, known);
  return known;
}

/** Workers that need the same one at once all fill one; the first that is ready gets the name. */
async function fillTemplate(databases: Databases, { name, fill }: DatabaseTemplate): Promise<string> {
  const template = `template_${name}`;
  const isThere = async () =>
    (await databases.query("select from pg_database where datname = $1", [template])).length > 0;
  if (await isThere()) return template;
  const own = `${template}_${randomBytes(6).toString("hex")}`;
  await fill(await databases.createDatabase(own));
  try {
    await databases.query(`alter database "${own}" rename to "${template}"`);
  } catch (error) {
    if (!(await isThere())) throw error;
    await databases.dropDatabase(own);
  }
  return template;
}
