import type { DescMethod } from "@bufbuild/protobuf";
import type { Operation } from "../../gen/signet/v1/options_pb.js";
import { AppError } from "../core/error.js";
import type { KnownToken, Principal } from "../core/token.js";
import { addressKey } from "./admission-address.js";
import { plainKeyOf, rawKeyOf } from "./admission-credentials.js";
import { RateTable } from "./admission-rates.js";
import type { Admission, RateState, RequestHead } from "./admission.js";
import type { Call } from "./call.js";
import { requireOrganization, type OnRefused } from "./guard.js";
import { carriesScope, operationOf, scopeName } from "./operations.js";

/** How many times a token's budget one client address has: several tokens may share an address (NAT, a CI host). */
export const ADDRESS_FACTOR = 5;

/** How many tokens, addresses, and failing addresses are remembered; about 300 bytes each. */
export const MAX_RATE_KEYS = 50_000;

export interface AdmissionOptions {
  /**
   * Who a raw key belongs to. Throws `unauthenticated` with one text for malformed, unknown, expired and revoked; of the last two
   * `onStopped` is told before.
   */
  authenticate(rawKey: string, onStopped: (token: KnownToken) => void): Promise<Principal>;
  /** The same for what is in memory; undefined for every other key. */
  known(rawKey: string): Principal | undefined;
  /** Told of every refused attempt of a known token (api.md, "Audit"). Must not throw. */
  readonly onRefused: OnRefused;
  /** For each token; 0 turns all rate limits off. */
  readonly requestsPerMinute: number;
  readonly maxRateKeys: number;
}

/** The door of every method, and of what is no method of the proto. */
export interface OperationDoor extends Admission {
  /** As `admit`. */
  admitTo(operation: Operation, head: RequestHead, orgId?: string): Promise<Call>;
}

/** The door of every method (api.md, "order of refusals", "rate limit"). */
export function createAdmission(options: AdmissionOptions): OperationDoor {
  const door = new Door(options);
  return {
    admit: (method, head, orgId) => door.admitTo(door.operationOf(method), head, orgId),
    admitTo: (operation, head, orgId) => door.admitTo(operation, head, orgId),
    admitKnown: (method, head) => door.admitKnown(method, head),
  };
}

interface Rates {
  readonly tokens: RateTable;
  readonly addresses: RateTable;
  /** Failed authentications. */
  readonly failures: RateTable;
}

class Door {
  private readonly rates: Rates | undefined;
  private readonly operations = new WeakMap<DescMethod, Operation>();

  constructor(private readonly options: AdmissionOptions) {
    const { requestsPerMinute, maxRateKeys } = options;
    if (requestsPerMinute === 0) return;
    this.rates = {
      tokens: new RateTable(requestsPerMinute, maxRateKeys),
      addresses: new RateTable(requestsPerMinute * ADDRESS_FACTOR, maxRateKeys),
      failures: new RateTable(requestsPerMinute, maxRateKeys),
    };
  }

  async admitTo(operation: Operation, head: RequestHead, orgId: string | undefined): Promise<Call> {
    const address = addressKey(head.clientAddress);
    const principal = await this.authenticate(head, address, operation);
    try {
      if (this.rates !== undefined) await countRequest(this.rates, principal, operation, address, head);
      requireScope(principal, operation);
      if (orgId !== undefined) requireOrganization(principal, operation, orgId);
    } catch (thrown) {
      if (thrown instanceof AppError && (thrown.code === "forbidden" || thrown.code === "rate_limited")) {
        this.options.onRefused(principal, operation.id, thrown.code);
      }
      throw thrown;
    }
    return { requestId: head.requestId, clientAddress: head.clientAddress, operation, principal };
  }

  admitKnown(method: DescMethod, head: RequestHead) {
    const operation = this.operationOf(method);
    if (this.rates?.failures.look(addressKey(head.clientAddress)).exceeded === true) return undefined;
    const rawKey = plainKeyOf(head.rawHeaders);
    const principal = rawKey === undefined ? undefined : this.options.known(rawKey);
    if (principal === undefined || !isUncounted(operation, principal)) return undefined;
    if (!carriesScope(principal, operation.scope)) return undefined;
    if (this.rates !== undefined) head.onRate(this.rates.tokens.look(String(principal.tokenId)).state);
    return { requestId: head.requestId, clientAddress: head.clientAddress, operation, principal };
  }

  private async authenticate(head: RequestHead, address: string, operation: Operation): Promise<Principal> {
    const failures = this.rates?.failures.look(address);
    if (failures?.exceeded) {
      head.onRate(failures.state);
      throw rateLimited(failures.state, "too many failed authentications from this address");
    }
    try {
      return await this.options.authenticate(rawKeyOf(head.rawHeaders), (token) =>
        this.options.onRefused(token, operation.id, "unauthenticated"),
      );
    } catch (thrown) {
      if (this.rates !== undefined && thrown instanceof AppError && thrown.code === "unauthenticated") {
        await countFailure(this.rates, address, head);
      }
      throw thrown;
    }
  }

  /** Reading an option parses it: once for each method. */
  operationOf(method: DescMethod): Operation {
    const known = this.operations.get(method);
    if (known !== undefined) return known;
    const operation = operationOf(method);
    this.operations.set(method, operation);
    return operation;
  }
}

/** The caller is told of the budget that ends first: the failures', unless others used up the address's. */
async function countFailure(rates: Rates, address: string, head: RequestHead): Promise<void> {
  const failed = await rates.failures.count(address);
  const asked = await rates.addresses.count(address);
  head.onRate(asked.state.remaining < failed.state.remaining ? asked.state : failed.state);
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

function rateLimited(state: RateState, why: string): AppError {
  const retryAfterSeconds = Math.max(state.resetSeconds, 1);
  return new AppError("rate_limited", `${why}: ${state.limit} a minute`, { retryAfterSeconds });
}

function requireScope(principal: Principal, operation: Operation): void {
  if (carriesScope(principal, operation.scope)) return;
  const needed = scopeName(operation.scope);
  throw new AppError("forbidden", `${operation.id} needs the scope ${needed}, which this token does not carry`);
}
