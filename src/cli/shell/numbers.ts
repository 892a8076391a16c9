import { InvalidArgumentError } from "commander";

/** Parser of an option or argument that is a whole number: decimal digits only. Commander reports InvalidArgumentError as a usage error. */
export function wholeNumber(min: number, max = 0xffff_ffff): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** Parser of a time in seconds: decimal digits, with s (the default), m or h behind them. As wholeNumber for what is none. */
export function duration(min: number, max: number): (text: string) => number {
  return (text) => {
    const [, digits = "", unit = "s"] = /^(\d{1,10})([smh])?$/.exec(text) ?? [];
    const seconds = digits === "" ? NaN : Number(digits) * SECONDS[unit as keyof typeof SECONDS];
    if (seconds >= min && seconds <= max) return seconds;
    throw new InvalidArgumentError(
      `It must be a whole number of seconds from ${min} to ${max}, or have a unit: 90s, 5m, 1h.`,
    );
  };
}

/** Parser of a watch's cursor: `<sequence>`, or `<sequence>.<deployment_id>`; the deployment is empty without it. */
export function watchCursor(text: string): { sequence: number; deploymentId: string } {
  const [, sequence = "", deploymentId = ""] = /^(\d{1,10})(?:\.([0-9A-Za-z-]{1,64}))?$/.exec(text) ?? [];
  if (sequence !== "" && Number(sequence) <= 0xffff_ffff) return { sequence: Number(sequence), deploymentId };
  throw new InvalidArgumentError("It must be <sequence>, or <sequence>.<deployment_id>.");
}

/** Parser of an ISO 8601 date (UTC), or a time with its zone. */
export function instant(text: string): Date {
  const date = new Date(/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? text : NaN);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError("It must be an ISO 8601 time with a zone.");
  return date;
}
