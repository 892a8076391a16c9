/** What a value may hold. Plain data, so that it can be given to a thread. */
export interface JsonShape {
  /** The most elements of the array, or members of the object; no limit of its own when absent. */
  readonly maxItems?: number;
  /** The members of an object that are known, by key. */
  readonly members?: ReadonlyMap<string, JsonShape>;
  /** Every element of an array, and every member that is not in `members`; nothing special when absent. */
  readonly items?: JsonShape;
  /** It stays a text, so that what is in it is not counted. */
  readonly isRaw?: boolean;
}

/** How much may stand in a JSON text that is parsed afterwards: counted while it is read, before anything is built. */
export interface JsonBounds {
  readonly shape: JsonShape;
  /** Elements and members together, but for those in raw values. */
  readonly maxValues: number;
}

const ANY: JsonShape = {};

/** Counts what stands in one text. */
export class ItemCount {
  /** What is wrong, once `isOver` said so. */
  msg = "";
  #values = 0;

  constructor(private readonly bounds: JsonBounds) {}

  /** Counts the element or member at `index` of a container; true when that is one too many. */
  isOver({ maxItems = Infinity }: JsonShape, index: number): boolean {
    if (index >= maxItems) this.msg = `must be at most ${maxItems}`;
    else if (++this.#values > this.bounds.maxValues)
      this.msg = `the request has more than ${this.bounds.maxValues} values`;
    else return false;
    return true;
  }

  /** The shape of a container that stands in another one, at `key` of it; undefined when nothing in it is counted. */
  shapeIn(outer: JsonShape | undefined, key: string | undefined, isRoot: boolean): JsonShape | undefined {
    if (isRoot) return this.bounds.shape.isRaw === true ? undefined : this.bounds.shape;
    if (outer === undefined) return undefined;
    const known = key === undefined ? undefined : outer.members?.get(key);
    const shape = known ?? outer.items ?? ANY;
    return shape.isRaw === true ? undefined : shape;
  }
}
