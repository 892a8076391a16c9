import { Freshness } from "../../service/access/freshness.js";
import { Sessions, type SessionLimits } from "../../service/access/sessions.js";
import { Authentication } from "../../service/tokens/authentication.js";
import { ConsoleSessions } from "../../service/tokens/console-sessions.js";
import { Tokens } from "../../service/tokens/tokens.js";
import { TokenCache } from "../../service/tokens/token-cache.js";
import { TokenUse } from "../../service/tokens/token-use.js";
import type { AuditServices } from "./audit.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";

/** Tokens, and the streams and held polls that end with them. */
export interface TokenServices {
  readonly sessions: Sessions;
  readonly freshness: Freshness;
  readonly cache: TokenCache;
  readonly use: TokenUse;
  readonly authentication: Authentication;
  readonly tokens: Tokens;
  readonly consoleSessions: ConsoleSessions;
}

/** Composes tokens and sessions; `limits` bounds the streams and held polls of each token. */
export function composeTokens(
  { store, feed, clock, warnings, keptKey }: ServiceContext,
  { audit, outbox }: Pick<AuditServices & ChangeServices, "audit" | "outbox">,
  limits: SessionLimits,
): TokenServices {
  const sessions = new Sessions(clock, limits);
  const freshness = new Freshness(() => (feed === null ? 0 : clock.monotonicMs() - feed.heardAtMs), clock);
  const cache = new TokenCache();
  const use = new TokenUse(store);
  const authentication = new Authentication({ store, clock, freshness, cache, use });
  return {
    ...{ sessions, freshness, cache, use },
    authentication,
    consoleSessions: new ConsoleSessions({ store, clock, audit, authentication, sessions }),
    tokens: new Tokens({ store, clock, audit, sessions, cache, outbox, warnings, keptKey }),
  };
}
