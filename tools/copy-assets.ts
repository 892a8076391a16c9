import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ASSETS } from "../src/assets/assets.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/assets");

mkdirSync(target, { recursive: true });
for (const [name, source] of Object.entries(ASSETS)) copyFileSync(join(root, source), join(target, name));
