import { InvalidArgumentError } from "commander";

/** Reads the activation that somebody has: `<sequence>`, or `<sequence>.<deployment_id>`. */
export function watchCursor(text: string): { sequence: number; deploymentId: string } {
  const [, sequence = "", deploymentId = ""] = /^(\d{1,10})(?:\.([0-9A-Za-z-]{1,64}))?$/.exec(text) ?? [];
  if (sequence !== "" && Number(sequence) <= 0xffff_ffff) return { sequence: Number(sequence), deploymentId };
  throw new InvalidArgumentError("It must be <sequence>, or <sequence>.<deployment_id>.");
}

/** Reads an option or argument that is a whole number: plain digits only. */
export function wholeNumber(min: number, max = 0xffff_ffff): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
