/** The allowed size of a JSON value. Plain data, so that it can be posted to a thread. */
export interface JsonShape {
  /** Maximum number of elements or members; no own limit if absent. */
  readonly maxItems?: number;
  /** Shapes of known members of an object, by key. */
  readonly members?: ReadonlyMap<string, JsonShape>;
  /** Shape of every element, and of every member that is not in `members`; any shape if absent. */
  readonly items?: JsonShape;
  /** Stays a text: its contents are not counted. */
  readonly isRaw?: boolean;
}

/** The allowed size of a JSON text that is parsed afterwards: counted while it is scanned, before anything is allocated. */
export interface JsonBounds {
  readonly shape: JsonShape;
  /** Maximum number of elements and members together, except in raw values. */
  readonly maxValues: number;
}

const ANY: JsonShape = {};

/** Counts the values of one text. */
export class ItemCount {
  /** The flaw, after `isOver` returned true. */
  msg = "";
  #values = 0;

  constructor(private readonly bounds: JsonBounds) {}

  /** Counts the element or member at `index` of a container; true if it exceeds a limit. */
  isOver({ maxItems = Infinity }: JsonShape, index: number): boolean {
    if (index >= maxItems) this.msg = `must be at most ${maxItems}`;
    else if (++this.#values > this.bounds.maxValues)
      this.msg = `the request has more than ${this.bounds.maxValues} values`;
    else return false;
    return true;
  }

  /** The shape of a container inside another one, at `key`; undefined if its contents are not counted. */
  shapeIn(outer: JsonShape | undefined, key: string | undefined, isRoot: boolean): JsonShape | undefined {
    if (isRoot) return this.bounds.shape.isRaw === true ? undefined : this.bounds.shape;
    if (outer === undefined) return undefined;
    const known = key === undefined ? undefined : outer.members?.get(key);
    const shape = known ?? outer.items ?? ANY;
    return shape.isRaw === true ? undefined : shape;
  }
}
