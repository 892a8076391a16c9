/** Closes resources in reverse order of opening: AsyncDisposableStack, which Node 20 and 22 do not have. */
export class DisposalStack implements AsyncDisposable {
  readonly #steps: (() => PromiseLike<void>)[] = [];

  /** Closes a resource with the stack; null stands for none. Returns it. */
  use<T extends AsyncDisposable | null>(resource: T): T {
    if (resource !== null) this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Runs a step when the stack is closed. */
  defer(step: () => PromiseLike<void>): void {
    this.#steps.push(step);
  }

  /** Runs every step once, the last first, also after one that failed; rejects with the first error. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
