import { InvalidArgumentError } from "commander";

/** Reads an option or argument that is a whole number: plain digits only. */
export function wholeNumber(min: number, max = 0xffff_ffff): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
