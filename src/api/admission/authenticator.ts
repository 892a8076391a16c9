import type { DescMethod } from "@bufbuild/protobuf";
import { Scope, type Operation } from "../../../gen/signet/v1/options_pb.js";
import { AppError } from "../../core/error.js";
import type { KnownToken, Principal } from "../../core/token.js";
import { isMadeKey } from "../../service/tokens/raw-key.js";
import { addressKey } from "./admission-address.js";
import { hasCredentials, plainKeyOf, rawKeyOf } from "./admission-credentials.js";
import { RateTable } from "./admission-rates.js";
import type { Admission, RateState, RequestHead, SessionCookie } from "./admission.js";
import type { Call } from "./call.js";
import { organizationOf, type Names, type OnRefused } from "./guard.js";
import { carriesScope, operationOf, scopeName } from "./operations.js";

/** How many times a token's budget one client address has: several tokens may share an address (NAT, a CI host). */
export const ADDRESS_FACTOR = 5;

/** How many times its budget a runtime token has for the reports of its instances, beside it: 10,000 instances may report at once. */
const REPORT_FACTOR = 10;

/** How many tokens, addresses, and failing addresses are remembered; about 300 bytes each. */
export const MAX_RATE_KEYS = 50_000;

/** The token check and the limits of an authenticator. */
export interface AdmissionOptions {
  /**
   * The principal of a raw key. Throws `unauthenticated` with one text for malformed, unknown, expired and revoked keys, after a call
   * of `onStopped` for the last two.
   */
  authenticate(rawKey: string, onStopped: (token: KnownToken) => void): Promise<Principal>;
  /** The same for a token in memory; undefined for every other key. */
  known(rawKey: string): Principal | undefined;
  /** Sessions of the console; null reads no cookie. */
  readonly consoleSessions: ConsoleSessionCheck | null;
  readonly names: Names;
  /** Told of every refused attempt of a known token (api.md, "Audit"). Must not throw. */
  readonly onRefused: OnRefused;
  /** For each token, and five times that for each address; 0 is off. */
  readonly requestsPerMinute: number;
  /** Failed authentications a minute for each address; 0 is off. */
  readonly failuresPerMinute: number;
  readonly maxRateKeys: number;
}

/** The check of console sessions. */
export interface ConsoleSessionCheck {
  /** As AdmissionOptions.authenticate, for the id of a session. */
  authenticate(cookie: SessionCookie, onStopped: (token: KnownToken) => void): Promise<Principal>;
  /** Whether an id was that of a valid session before. */
  wasValid(id: string): boolean;
}

/** Admission for methods of the proto, and for operations that are none. */
export interface Authenticator extends Admission {
  /** As `admit`. */
  admitTo(operation: Operation, head: RequestHead, orgId?: string): Promise<Call>;
}

/** Admission with the limits of `options` (api.md, "order of refusals", "rate limit"). */
export function createAuthenticator(options: AdmissionOptions): Authenticator {
  return new TokenAuthenticator(options);
}

interface Rates {
  readonly tokens: RateTable;
  readonly addresses: RateTable;
  /** Reports of runtimes, by token. */
  readonly reports: RateTable;
}

class TokenAuthenticator implements Authenticator {
  private readonly rates: Rates | undefined;
  /** Failed authentications of addresses. */
  private readonly failures: RateTable | undefined;
  private readonly operations = new WeakMap<DescMethod, Operation>();

  constructor(private readonly options: AdmissionOptions) {
    const { requestsPerMinute, failuresPerMinute, maxRateKeys } = options;
    if (failuresPerMinute > 0) this.failures = new RateTable(failuresPerMinute, maxRateKeys);
    if (requestsPerMinute === 0) return;
    this.rates = {
      tokens: new RateTable(requestsPerMinute, maxRateKeys),
      addresses: new RateTable(requestsPerMinute * ADDRESS_FACTOR, maxRateKeys),
      reports: new RateTable(requestsPerMinute * REPORT_FACTOR, maxRateKeys),
    };
  }

  admit(method: DescMethod, head: RequestHead, orgId?: string): Promise<Call> {
    return this.admitTo(this.operationOf(method), head, orgId);
  }

  async admitTo(operation: Operation, head: RequestHead, orgId?: string): Promise<Call> {
    const address = addressKey(head.clientAddress);
    const cookie = this.cookieOf(head, operation);
    const principal = await this.authenticate(head, cookie, address, operation);
    head.connection?.authenticated(principal);
    try {
      if (cookie !== undefined && cookie.refusal !== null) throw cookie.refusal;
      if (this.rates !== undefined) await countRequest(this.rates, principal, operation, address, head);
      requireScope(principal, operation);
      if (orgId !== undefined) await organizationOf(principal, operation, orgId, this.options.names);
    } catch (thrown) {
      if (thrown instanceof AppError && (thrown.code === "forbidden" || thrown.code === "rate_limited")) {
        this.options.onRefused(principal, operation.id, thrown.code);
      }
      throw thrown;
    }
    const { requestId, clientAddress } = head;
    return { requestId, clientAddress, operation, principal: { ...principal, source: clientAddress } };
  }

  admitKnown(method: DescMethod, head: RequestHead): Call | undefined {
    const operation = this.operationOf(method);
    const rawKey = plainKeyOf(head.rawHeaders);
    const principal = rawKey === undefined ? undefined : this.options.known(rawKey);
    if (rawKey === undefined || principal === undefined || !isUncounted(operation, principal)) return undefined;
    if (!carriesScope(principal, operation.scope)) return undefined;
    if (!isMadeKey(rawKey) && this.failures?.look(addressKey(head.clientAddress)).exceeded === true) return undefined;
    head.connection?.authenticated(principal);
    if (this.rates !== undefined) head.onRate(this.rates.tokens.look(String(principal.tokenId)).state);
    return { requestId: head.requestId, clientAddress: head.clientAddress, operation, principal };
  }

  /** The session of a request without a token. None counts for what runtimes do. */
  private cookieOf(head: RequestHead, { scope }: Operation): SessionCookie | undefined {
    if (this.options.consoleSessions === null || scope === Scope.RUNTIME) return undefined;
    return hasCredentials(head.rawHeaders) ? undefined : head.session?.();
  }

  private async authenticate(
    head: RequestHead,
    cookie: SessionCookie | undefined,
    address: string,
    operation: Operation,
  ): Promise<Principal> {
    const { consoleSessions } = this.options;
    const failures = this.failures?.look(address);
    if (failures?.exceeded && (cookie === undefined || consoleSessions?.wasValid(cookie.id) !== true)) {
      const known = this.unguessable(head);
      if (known !== undefined) return known;
      head.onRate(failures.state);
      const why = "too many failed authentications from this address";
      throw rateLimited(failures.state, why, "too_many_failed_authentications");
    }
    const onStopped = (token: KnownToken) => this.options.onRefused(token, operation.id, "unauthenticated");
    try {
      if (consoleSessions !== null && cookie !== undefined)
        return await consoleSessions.authenticate(cookie, onStopped);
      return await this.options.authenticate(rawKeyOf(head.rawHeaders), onStopped);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === "unauthenticated") await this.countFailure(address, head);
      throw thrown;
    }
  }

  /**
   * The principals that are admitted while their address fails too often: those of generated keys in memory. A key that an operator
   * chose may be weak, and could be guessed at the speed of memory.
   */
  private unguessable(head: RequestHead): Principal | undefined {
    const rawKey = plainKeyOf(head.rawHeaders);
    return rawKey !== undefined && isMadeKey(rawKey) ? this.options.known(rawKey) : undefined;
  }

  /** Tells the caller of the budget with less left: that of the failures, or that of the address. */
  private async countFailure(address: string, head: RequestHead): Promise<void> {
    const counts = [await this.failures?.count(address), await this.rates?.addresses.count(address)];
    const states = counts.flatMap((count) => (count === undefined ? [] : [count.state]));
    const [first] = states.sort((a, b) => a.remaining - b.remaining);
    if (first !== undefined) head.onRate(first);
  }

  /** Reading an option parses it: once for each method. */
  private operationOf(method: DescMethod): Operation {
    const known = this.operations.get(method);
    if (known !== undefined) return known;
    const operation = operationOf(method);
    this.operations.set(method, operation);
    return operation;
  }
}

async function countRequest(
  rates: Rates,
  principal: Principal,
  operation: Operation,
  address: string,
  head: RequestHead,
): Promise<void> {
  const token = String(principal.tokenId);
  if (isUncounted(operation, principal)) {
    head.onRate(rates.tokens.look(token).state);
    return;
  }
  if (operation.reportTraffic && principal.keyType === "runtime") {
    const reports = await rates.reports.count(token);
    head.onRate(reports.state);
    if (reports.exceeded) throw rateLimited(reports.state, "too many reports with this token", "too_many_reports");
    return;
  }
  const byToken = await rates.tokens.count(token);
  const byAddress = await rates.addresses.count(address);
  if (byAddress.exceeded && !byToken.exceeded) {
    head.onRate(byAddress.state);
    throw rateLimited(byAddress.state, "too many requests from this address");
  }
  head.onRate(byToken.state);
  if (byToken.exceeded) throw rateLimited(byToken.state, "too many requests with this token");
}

/** A fleet shares one runtime token and often one address; streams and polls have budgets of their own. */
function isUncounted(operation: Operation, principal: Principal): boolean {
  return operation.runtimeTraffic && principal.keyType === "runtime";
}

/** A `rate_limited` error with the seconds until the state resets, at least 1. */
export function rateLimited(state: RateState, why: string, reason?: string): AppError {
  const retryAfterSeconds = Math.max(state.resetSeconds, 1);
  return new AppError("rate_limited", `${why}: ${state.limit} a minute`, {
    retryAfterSeconds,
    ...(reason === undefined ? {} : { reason }),
  });
}

function requireScope(principal: Principal, operation: Operation): void {
  if (operation.notForRuntimes && principal.keyType === "runtime")
    throw new AppError("forbidden", `${operation.id} is not for runtime tokens`);
  if (carriesScope(principal, operation.scope)) return;
  const needed = scopeName(operation.scope);
  throw new AppError("forbidden", `${operation.id} needs the scope ${needed}, which this token does not have`);
}
