/** One attack, in a process of its own. Disposing of it ends it. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { AttackName, Target } from "./attacks.js";
import type { WorkAttackName, WorkTarget } from "./work-attacks.js";

export class Attackers implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  static start(attack: AttackName, target: Target): Promise<Attackers>;
  static start(attack: WorkAttackName, target: WorkTarget): Promise<Attackers>;
  static async start(attack: string, target: object): Promise<Attackers> {
    const child = fork(new URL("./attackers-process.js", import.meta.url));
    await once(child, "spawn");
    child.send({ attack, target });
    return new Attackers(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }
}
