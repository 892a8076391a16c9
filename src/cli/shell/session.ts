import type { Command } from "commander";
import { isSlug } from "../../core/organization.js";
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
import type { EnvironmentPath } from "./environment-path.js";
import { findToken, type FoundToken } from "./credentials.js";
import type { GlobalOptions, Shell } from "./shell.js";
import { withWhatExists } from "./what-exists.js";

type Transport = SignetClientOptions["transport"];

export type { EnvironmentPath };

/**
 * An action of commander's that calls a server: opens a session for it, and closes it at the end. Commander passes the arguments, the
 * options and the command; the action gets a session in front of them.
 */
export function inSession<A extends readonly unknown[]>(
  shell: Shell,
  action: (session: Session, ...args: A) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    using session = Session.open(shell, args.at(-1) as Command);
    await action(session, ...(args as unknown as A));
  };
}

/** A connection to a server, and the organization, project and environment that the options name. */
export class Session implements Disposable {
  private self: Promise<WhoAmIResponse> | undefined;

  private constructor(
    readonly client: SignetClient,
    /** The options of every command, as given. */
    readonly options: GlobalOptions,
    private readonly transport: Transport,
    private readonly close: () => void,
  ) {}

  /** Opens no connection; the first call does. Throws UsageError for an invalid URL, and the errors of findToken and readClientTls. */
  static open(shell: Shell, command: Command): Session {
    const options = command.optsWithGlobals<GlobalOptions>();
    return Session.as(findToken(shell, serverUrl(options)), shell, options);
  }

  /** As open, with a token that was found already. */
  static as({ token, adminTokenFile, source }: FoundToken, shell: Shell, options: GlobalOptions): Session {
    const url = serverUrl(options);
    shell.called = { url, adminTokenFile, tokenSource: source };
    if (shell.isVerbose) shell.notice(`token: from ${source}`);
    if (shell.io.signal.aborted) throw new SignetError("cancelled", "interrupted");
    const tls = readClientTls(options);
    const connection = openNodeTransport({ url, timeoutMs: options.timeout * 1000, tls });
    const close = () => connection[Symbol.dispose]();
    // Ends calls in flight.
    shell.io.signal.addEventListener("abort", close);
    const { transport } = connection;
    return new Session(createSignetClient({ transport, token }), options, transport, () => {
      shell.io.signal.removeEventListener("abort", close);
      close();
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A client of the same server with another token. */
  clientWith(token: string): SignetClient {
    return createSignetClient({ transport: this.transport, token });
  }

  /** What the token is; asked once for each session. */
  whoAmI(): Promise<WhoAmIResponse> {
    return (this.self ??= this.client.tokens.whoAmI({}));
  }

  /** The UUID of `--org` (UUID, slug or name); of the token's organization by default. Throws SignetError `not_found`. */
  async orgId(): Promise<string> {
    const wanted = this.options.org;
    if (wanted !== undefined && isUuid(wanted)) return wanted;
    const { orgId } = await this.whoAmI();
    if (wanted === undefined) return orgId;
    const { name, slug } = await this.client.organizations.getOrganization({ orgId });
    if (wanted === slug || wanted === name) return orgId;
    throw new SignetError("not_found", `organization "${wanted}" not found: the token belongs to "${slug}"`);
  }

  /**
   * The UUID of `--project` (UUID, slug or name). By default the token's project, the only one, or the one called "default". Throws
   * UsageError when several match, SignetError `not_found` when none does.
   */
  async projectId(wanted = this.options.project): Promise<string> {
    if (wanted !== undefined && isUuid(wanted)) return wanted;
    const own = (await this.whoAmI()).projectId;
    if (wanted === undefined && own !== undefined) return own;
    return (await this.findProject(wanted)).id;
  }

  /** `--env`, or a runtime token's environment. Throws UsageError when there is neither. */
  async envName(): Promise<string> {
    const name = this.options.env ?? (await this.whoAmI()).environment;
    if (name === undefined)
      throw new UsageError("no environment given: pass --env, or set SIGNET_ENV or the context's");
    return name;
  }

  /** The path parameters of a project's calls. */
  async project(): Promise<{ orgId: string; projectId: string }> {
    return { orgId: await this.orgId(), projectId: await this.projectId() };
  }

  /** Does not check that the environment exists: the call itself does. */
  private async environment(wanted: string | undefined): Promise<EnvironmentPath> {
    // First, because it may need no call: a missing option is reported at once.
    const envName = wanted ?? (await this.envName());
    return { ...(await this.project()), envName };
  }

  /** Makes a call about the environment (`wanted`, else `--env`). If it or the version does not exist, the error lists what does. */
  async inEnvironment<T>(call: (environment: EnvironmentPath) => Promise<T>, wanted?: string): Promise<T> {
    const environment = await this.environment(wanted);
    try {
      return await call(environment);
    } catch (thrown) {
      throw await withWhatExists(thrown, this.client, environment);
    }
  }

  private async findProject(wanted: string | undefined): Promise<Project> {
    const { projects } = await this.client.organizations.listProjects({ orgId: await this.orgId() });
    const bySlug = projects.filter(({ slug }) => slug === (wanted ?? "default"));
    // As in the API: what has the form of a slug is no name.
    const others = projects.filter(({ name }) => wanted === undefined || (name === wanted && !isSlug(wanted)));
    const found = bySlug.length === 1 ? bySlug : others;
    if (found.length === 1 && found[0] !== undefined) return found[0];
    const slugs = projects.map(({ slug }) => slug).join(", ");
    if (wanted === undefined && found.length > 1)
      throw new UsageError(`no project given: pass --project, one of ${slugs}`);
    if (wanted === undefined) throw new SignetError("not_found", "the organization has no project");
    if (found.length > 1) throw new UsageError(`more than one project is called "${wanted}": use its UUID or slug`);
    throw new SignetError("not_found", `project "${wanted}" not found; existing: ${slugs}`);
  }
}

/** The URL of the options, or http://127.0.0.1:8080. Throws UsageError for anything but an http or https URL. */
export function serverUrl({ url = "http://127.0.0.1:8080" }: Pick<GlobalOptions, "url">): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`"${url}" is not a URL such as http://127.0.0.1:8080`);
  }
  return url;
}
