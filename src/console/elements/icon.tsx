/** The shapes, each on a grid of 16 by 16, drawn as lines. */
const SHAPES = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.1",
  info: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 7.4V11M8 5v.1",
  dot: "M8 6a2 2 0 100 4 2 2 0 000-4z",
  clock: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.8V8l2.2 1.6",
  right: "M3 8h10M9 4l4 4-4 4",
  down: "M4 6.2l4 4 4-4",
  up: "M4 9.8l4-4 4 4",
  back: "M7 3.5L3 7.5l4 4M3.2 7.5H10a3 3 0 010 6H8",
  plus: "M8 3v10M3 8h10",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  search: "M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.3 10.3L14 14",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  more: "M3 8a.5.5 0 101 0 .5.5 0 10-1 0M7.5 8a.5.5 0 101 0 .5.5 0 10-1 0M12 8a.5.5 0 101 0 .5.5 0 10-1 0",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 015 0v2.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  shield: "M8 2l5 1.8V8c0 3-2.2 5-5 6-2.8-1-5-3-5-6V3.8z",
  download: "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.5h10",
  upload: "M8 10.5V3M4.8 6L8 2.8 11.2 6M3 13.5h10",
  link: "M6.5 9.5l3-3M7 4.5l1.2-1.2a2.7 2.7 0 013.8 3.8L10.8 8.3M9 11.5l-1.2 1.2A2.7 2.7 0 014 8.9l1.2-1.2",
  out: "M6.5 3.5h-3v9h9v-3M9 2.8h4.2V7M13 3L7.5 8.5",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.7 9h5.6l.7-9",
  pin: "M8 9.5V14M5 9.5h6l-1.2-2.2V3.5h.7V2h-5v1.5h.7v3.8z",
  user: "M8 8.2a2.8 2.8 0 100-5.6 2.8 2.8 0 000 5.6zM2.8 14c.6-2.6 2.7-4 5.2-4s4.6 1.4 5.2 4",
  sun: "M8 5a3 3 0 100 6 3 3 0 000-6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  refresh: "M13 8a5 5 0 11-1.6-3.7M13 2.5v3h-3",
  filter: "M2.5 3.5h11L9.5 8.6v4.2l-3-1.3V8.6z",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof SHAPES;

/** A picture beside a text. It is never alone: screen readers do not see it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SHAPES[name]} />
    </svg>
  );
}
