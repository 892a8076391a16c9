/** The process of Attackers: attacks until it is ended. */
import { ATTACKS, type AttackName, type Target } from "./attacks.js";

process.on("message", ({ attack, target }: { attack: AttackName; target: Target }) => ATTACKS[attack](target));
process.on("disconnect", () => process.exit());
