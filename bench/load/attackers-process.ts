/** The process of Attackers: attacks until it is ended. */
import { ATTACKS } from "./attacks.js";
import { WORK_ATTACKS } from "./work-attacks.js";

const ALL = { ...ATTACKS, ...WORK_ATTACKS } as Readonly<Record<string, (target: unknown) => void>>;

process.on("message", ({ attack, target }: { attack: string; target: unknown }) => ALL[attack]?.(target));
process.on("disconnect", () => process.exit());
