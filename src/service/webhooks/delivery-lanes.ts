import type { Delivery } from "../../core/webhook.js";

/**
 * The deliveries of one webhook that were taken from the database. First attempts are made one after the other in the lane of their
 * environment, so that they arrive in order; one that fails leaves its lane and is sent again as a retry, which has no order and holds
 * nothing back.
 */
export class DeliveryLanes {
  readonly #taken = new Set<string>();
  /** Deliveries that ended since the last read began: that read may still return them as due. */
  readonly #ended = new Set<string>();
  readonly #lanes = new Map<string, Delivery[]>();
  readonly #running = new Set<string>();
  /** Lanes that gave back what they had since the last read began: that read may lack the first of it. */
  readonly #givenBack = new Set<string>();
  #retries = 0;

  constructor(
    private readonly deps: {
      /** Makes one attempt; false when it could not be made or recorded, and is to be read again. Never rejects. */
      readonly attempt: (delivery: Delivery) => Promise<boolean>;
      /** Whether a lane continues with its next delivery. */
      readonly goesOn: () => boolean;
      /** Called when an attempt has ended: another one may start. */
      readonly ended: () => void;
    },
  ) {}

  /** Deliveries that wait or are being attempted. */
  get size(): number {
    return this.#taken.size;
  }

  get runningRetries(): number {
    return this.#retries;
  }

  /** An attempt is being made. */
  get isBusy(): boolean {
    return this.#running.size > 0 || this.#retries > 0;
  }

  /** To be called before the deliveries are read that are then added. */
  beginRead(): void {
    this.#ended.clear();
    this.#givenBack.clear();
  }

  /** Puts first attempts that are new here at the end of their lanes. */
  addFirstAttempts(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const lane = delivery.environmentId ?? `event ${delivery.id}`;
      if (this.#givenBack.has(lane) || !this.#take(delivery)) continue;
      const queue = this.#lanes.get(lane);
      if (queue === undefined) this.#lanes.set(lane, [delivery]);
      else queue.push(delivery);
    }
  }

  /** Starts idle lanes, until `most` are running. */
  startLanes(most: number): void {
    for (const lane of [...this.#lanes.keys()]) {
      if (this.#running.size >= most) return;
      if (this.#running.has(lane)) continue;
      this.#running.add(lane);
      void this.#run(lane).finally(() => {
        this.#running.delete(lane);
        this.#moveToEnd(lane);
        this.deps.ended();
      });
    }
  }

  /** Starts retries that are new here, until `most` are running. */
  startRetries(deliveries: readonly Delivery[], most: number): void {
    for (const delivery of deliveries) {
      if (this.#retries >= most) return;
      if (!this.#take(delivery)) continue;
      this.#retries += 1;
      void this.#attempt(delivery).finally(() => {
        this.#retries -= 1;
        this.deps.ended();
      });
    }
  }

  #take({ id }: Delivery): boolean {
    if (this.#taken.has(id) || this.#ended.has(id)) return false;
    this.#taken.add(id);
    return true;
  }

  async #run(lane: string): Promise<void> {
    const queue = this.#lanes.get(lane) ?? [];
    for (let delivery = queue.shift(); delivery !== undefined; delivery = queue.shift()) {
      const isRecorded = await this.#attempt(delivery);
      // The next one must not overtake it: they are read again, in their order.
      if (!isRecorded) this.#giveBack(lane, queue);
      if (!isRecorded || !this.deps.goesOn()) return;
    }
  }

  #giveBack(lane: string, queue: Delivery[]): void {
    for (const { id } of queue.splice(0)) this.#taken.delete(id);
    this.#givenBack.add(lane);
  }

  async #attempt(delivery: Delivery): Promise<boolean> {
    const isRecorded = await this.deps.attempt(delivery);
    this.#taken.delete(delivery.id);
    this.#ended.add(delivery.id);
    return isRecorded;
  }

  /** So that an endpoint that is tried in one lane at a time is tried in another one next. */
  #moveToEnd(lane: string): void {
    const queue = this.#lanes.get(lane);
    this.#lanes.delete(lane);
    if (queue !== undefined && queue.length > 0) this.#lanes.set(lane, queue);
  }
}
