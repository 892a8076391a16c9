import type { Resolver } from "../../src/outbound/check-target.js";

/** A resolver whose n-th answer about a name is the n-th of its list, and the last one from then on. */
export function scriptedResolver(names: Readonly<Record<string, readonly (readonly string[] | Error)[]>>) {
  const asked: string[] = [];
  const resolver: Resolver = {
    resolve: async (host) => {
      const answers = names[host] ?? [];
      const answer = answers[Math.min(asked.filter((it) => it === host).length, answers.length - 1)];
      asked.push(host);
      if (answer === undefined) throw notFoundError(host);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { resolver, asked };
}

function notFoundError(host: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
}
