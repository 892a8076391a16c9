import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button.js";

/** Above so many rows only those near the window are in the page. */
const WINDOWED_ABOVE = 200;

/** Rows above and below the window that are in the page too. */
const MARGIN = 20;

/** The height of a row before one was measured, in pixels. */
const ROW_PX = 41;

/** A column. */
export interface Column<T> {
  readonly header: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** The header of its row, for screen readers. */
  readonly isRowHeader?: boolean;
  /** It is left out where a table is narrow: what it says stands elsewhere too. Cards have it. */
  readonly isMinor?: boolean;
}

interface DataTableProps<T> {
  /** What the table lists; for screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
  /** Marks a row, for example the chosen one. */
  readonly classOf?: (row: T) => string;
  /** Reads more rows; undefined when all are there. */
  readonly onMore?: (() => void) | undefined;
  readonly isLoadingMore?: boolean;
  /** All rows that there are, when more are there than were read. */
  readonly total?: number | undefined;
}

/**
 * A table; on a phone up to 200 rows are cards. More rows must be of one height: only those near the window are in the page, and the
 * table says how many there are. Reads on when its end comes near.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  const { caption, columns, rows, keyOf, classOf, onMore, isLoadingMore = false, total } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const isScrolled = useOverflow(box);
  const [first, last, rowPx] = useWindow(body, rows.length);
  const shown = rows.slice(first, last);
  const isWindowed = rows.length > WINDOWED_ABOVE;
  return (
    <div ref={box} class="table-box" {...(isScrolled ? { tabIndex: 0, role: "group", "aria-label": caption } : {})}>
      <table
        class={isWindowed ? "table" : "table table-cards"}
        aria-rowcount={isWindowed || total !== undefined ? (total ?? rows.length) + 1 : undefined}
      >
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ header, isNumber, isMinor }) => (
              <th key={header} scope="col" class={cellClass(isNumber, isMinor)}>
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {first > 0 && <Gap px={first * rowPx} span={columns.length} />}
          {shown.map((row, index) => (
            <tr key={keyOf(row)} class={classOf?.(row)} aria-rowindex={isWindowed ? first + index + 2 : undefined}>
              {columns.map(({ header, cell, isNumber, isMinor, isRowHeader }) =>
                isRowHeader === true ? (
                  <th key={header} scope="row" class={cellClass(isNumber, isMinor)}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={header} data-label={header} class={cellClass(isNumber, isMinor)}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
          {last < rows.length && <Gap px={(rows.length - last) * rowPx} span={columns.length} />}
        </tbody>
      </table>
      {onMore !== undefined && <MoreRows onMore={onMore} isLoading={isLoadingMore} read={rows.length} total={total} />}
    </div>
  );
}

/** Whether an element is narrower than what is in it: then the keyboard must be able to scroll it. */
function useOverflow(box: { readonly current: HTMLElement | null }): boolean {
  const [isOverflowing, setOverflowing] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setOverflowing(element.scrollWidth > element.clientWidth));
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  return isOverflowing;
}

function Gap({ px, span }: { readonly px: number; readonly span: number }) {
  return (
    <tr class="table-gap" aria-hidden="true">
      <td colSpan={span} style={{ height: `${px}px` }} />
    </tr>
  );
}

function cellClass(isNumber = false, isMinor = false): string | undefined {
  const names = [isNumber ? "number" : "", isMinor ? "minor" : ""].filter((name) => name !== "");
  return names.length === 0 ? undefined : names.join(" ");
}

/** The rows from the first to before the last that must be in the page, and the height of one. */
function useWindow(body: { current: HTMLTableSectionElement | null }, count: number): [number, number, number] {
  const [range, setRange] = useState<[number, number, number]>([0, WINDOWED_ABOVE, ROW_PX]);
  useEffect(() => {
    if (count <= WINDOWED_ABOVE) return;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const element = body.current;
      if (element === null) return;
      const row = element.querySelector("tr:not(.table-gap)");
      const rowPx = row?.getBoundingClientRect().height || ROW_PX;
      const { top } = element.getBoundingClientRect();
      const from = Math.max(0, Math.floor(-top / rowPx) - MARGIN);
      const to = Math.min(count, Math.ceil((innerHeight - top) / rowPx) + MARGIN);
      setRange((before) =>
        before[0] === from && before[1] === to && before[2] === rowPx
          ? before
          : [Math.min(from, count), Math.max(to, 1), rowPx],
      );
    };
    const later = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener("scroll", later, { passive: true, capture: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later, { capture: true });
      removeEventListener("resize", later);
    };
  }, [count]);
  return count <= WINDOWED_ABOVE ? [0, count, ROW_PX] : range;
}

interface MoreRowsProps {
  readonly onMore: () => void;
  readonly isLoading: boolean;
  readonly read: number;
  readonly total: number | undefined;
}

function MoreRows({ onMore, isLoading, read, total }: MoreRowsProps) {
  const foot = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = foot.current;
    if (element === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) onMore();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [onMore]);
  return (
    <div ref={foot} class="table-more">
      <span class="muted">{total === undefined ? `${read} shown` : `${read} of ${total} shown`}</span>
      <Button size="small" busy={isLoading} onClick={onMore}>
        Show more
      </Button>
    </div>
  );
}
