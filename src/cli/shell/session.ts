import type { Command } from "commander";
import { isUuid } from "../../core/uuid.js";
import {
  createSignetClient,
  SignetError,
  type Project,
  type SignetClient,
  type SignetClientOptions,
  type WhoAmIResponse,
} from "../../sdk/index.js";
import { openNodeTransport } from "../../sdk/node-transport.js";
import { UsageError } from "./cli-error.js";
import { readClientTls } from "./client-tls.js";
import { findToken } from "./credentials.js";
import type { GlobalOptions, Shell } from "./shell.js";

type Transport = SignetClientOptions["transport"];

/** What the path of an environment's calls has. */
export interface EnvironmentPath {
  readonly orgId: string;
  readonly projectId: string;
  readonly envName: string;
}

/** A connection to a server, and what the caller means by "the organization", "the project" and "the environment". */
export class Session implements Disposable {
  private who: Promise<WhoAmIResponse> | undefined;

  private constructor(
    readonly client: SignetClient,
    private readonly transport: Transport,
    private readonly options: GlobalOptions,
    private readonly close: () => void,
  ) {}

  /** Throws UsageError for a URL that is none, and what findToken and readClientTls throw. Opens no connection; the first call does. */
  static open(shell: Shell, command: Command): Session {
    const options = command.optsWithGlobals<GlobalOptions>();
    const url = serverUrl(shell, options);
    const { token, adminTokenFile } = findToken(shell, url);
    shell.called = { url, adminTokenFile };
    if (shell.io.signal.aborted) throw new SignetError("cancelled", "interrupted");
    const tls = readClientTls(shell.io.environment, options);
    const connection = openNodeTransport({ url, timeoutMs: options.timeout * 1000, tls });
    const close = () => connection[Symbol.dispose]();
    // Whatever is in flight then ends.
    shell.io.signal.addEventListener("abort", close);
    const { transport } = connection;
    return new Session(createSignetClient({ transport, token }), transport, options, () => {
      shell.io.signal.removeEventListener("abort", close);
      close();
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The same server, as somebody else. */
  clientWith(token: string): SignetClient {
    return createSignetClient({ transport: this.transport, token });
  }

  whoAmI(): Promise<WhoAmIResponse> {
    return (this.who ??= this.client.tokens.whoAmI({}));
  }

  /** `--org` as UUID, slug or name; the token's organization by default. */
  async orgId(): Promise<string> {
    const wanted = this.options.org;
    if (wanted !== undefined && isUuid(wanted)) return wanted;
    const { orgId } = await this.whoAmI();
    if (wanted === undefined) return orgId;
    const { name, slug } = await this.client.organizations.getOrganization({ orgId });
    if (wanted === slug || wanted === name) return orgId;
    throw new SignetError("not_found", `organization "${wanted}" not found: the token's is "${slug}"`);
  }

  /** `--project` as UUID, slug or name. By default the token's; the only one; the one called "default". */
  async projectId(wanted = this.options.project): Promise<string> {
    if (wanted !== undefined && isUuid(wanted)) return wanted;
    const own = (await this.whoAmI()).projectId;
    if (wanted === undefined && own !== undefined) return own;
    return (await this.findProject(wanted)).id;
  }

  /** The name of the environment: `--env`, or that of a runtime token. */
  async envName(): Promise<string> {
    const name = this.options.env ?? (await this.whoAmI()).environment;
    if (name === undefined) throw new UsageError("which environment? Name it with --env");
    return name;
  }

  /** What the path of a project's calls has. */
  async project(): Promise<{ orgId: string; projectId: string }> {
    return { orgId: await this.orgId(), projectId: await this.projectId() };
  }

  /** The environment that the caller means; whether it is there, calls tell. */
  private async environment(wanted: string | undefined): Promise<EnvironmentPath> {
    // First what needs no call, so that a forgotten option is told at once.
    const envName = wanted ?? (await this.envName());
    return { ...(await this.project()), envName };
  }

  /** Makes a call about the environment that the caller means. When it is not there, the error names those that are. */
  async inEnvironment<T>(call: (environment: EnvironmentPath) => Promise<T>, wanted?: string): Promise<T> {
    const environment = await this.environment(wanted);
    try {
      return await call(environment);
    } catch (thrown) {
      throw await this.withEnvironmentNames(thrown, environment);
    }
  }

  /** Only after a call failed, so that one that works costs no other. */
  private async withEnvironmentNames(
    thrown: unknown,
    { orgId, projectId, envName }: EnvironmentPath,
  ): Promise<unknown> {
    if (!(thrown instanceof SignetError) || thrown.code !== "not_found") return thrown;
    const { organizations } = this.client;
    const listed = await organizations.listEnvironments({ orgId, projectId }).catch(() => undefined);
    const names = listed?.environments.map(({ name }) => name) ?? [];
    // It is something else that is not there.
    if (names.length === 0 || names.includes(envName)) return thrown;
    const message = `environment "${envName}" not found; there are: ${names.join(", ")}`;
    const { requestId } = thrown;
    return new SignetError("not_found", message, { cause: thrown, ...(requestId === undefined ? {} : { requestId }) });
  }

  private async findProject(wanted: string | undefined): Promise<Project> {
    const { projects } = await this.client.organizations.listProjects({ orgId: await this.orgId() });
    const bySlug = projects.filter(({ slug }) => slug === (wanted ?? "default"));
    const others = projects.filter(({ name }) => wanted === undefined || name === wanted);
    const found = bySlug.length === 1 ? bySlug : others;
    if (found.length === 1 && found[0] !== undefined) return found[0];
    const slugs = projects.map(({ slug }) => slug).join(", ");
    if (wanted === undefined && found.length > 1)
      throw new UsageError(`which project? Name it with --project: ${slugs}`);
    if (wanted === undefined) throw new SignetError("not_found", "the organization has no project");
    if (found.length > 1) throw new UsageError(`more than one project is called "${wanted}": use its UUID or slug`);
    throw new SignetError("not_found", `project "${wanted}" not found; there are: ${slugs}`);
  }
}

/** The server that the caller means. Throws UsageError for a URL that is none. */
export function serverUrl(shell: Shell, options: Pick<GlobalOptions, "url">): string {
  const { SIGNET_URL = "" } = shell.io.environment;
  const url = options.url ?? (SIGNET_URL === "" ? "http://127.0.0.1:8080" : SIGNET_URL);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`"${url}" is not a URL such as http://127.0.0.1:8080`);
  }
  return url;
}
