import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.js";

/** An entry of a menu: it leads somewhere, or does something. */
export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  readonly href?: string;
  readonly onSelect?: () => void;
  /** Why it cannot be chosen now; it stays in the list with the reason. */
  readonly disabledBecause?: string | undefined;
  readonly isDanger?: boolean;
}

interface MenuProps {
  /** The button's text; for screen readers only when `icon` is set. */
  readonly label: string;
  readonly icon?: IconName;
  readonly items: readonly MenuItem[];
  /** Above the items. */
  readonly header?: ComponentChildren;
}

/** A button that opens a list of actions (a native popover). Arrow keys move in it, Esc closes it. */
export function Menu({ label, icon, items, header }: MenuProps) {
  const id = useId().replace(/[^a-zA-Z0-9-]/g, "-");
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => list.current?.hidePopover();
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const entries = [...(list.current?.querySelectorAll<HTMLElement>("a, button") ?? [])];
    const at = entries.findIndex((entry) => entry === document.activeElement);
    entries.at((at + step + entries.length) % entries.length)?.focus();
  };
  return (
    <div class="menu">
      <button
        ref={button}
        type="button"
        class="button button-quiet"
        popovertarget={id}
        aria-haspopup="true"
        {...(icon === undefined ? {} : { "aria-label": label, title: label })}
      >
        {icon === undefined ? (
          <>
            <bdi>{label}</bdi>
            <Icon name="down" />
          </>
        ) : (
          <Icon name={icon} />
        )}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        class="menu-list"
        onKeyDown={move}
        onToggle={(event) => {
          if (event.newState !== "open") return;
          place(button.current, list.current);
          list.current?.querySelector<HTMLElement>("a, button")?.focus();
        }}
      >
        {header}
        <ul>
          {items.map((item) => (
            <li key={item.label}>{entry(item, close)}</li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function entry({ label, icon, href, onSelect, disabledBecause, isDanger = false }: MenuItem, close: () => void) {
  const text = (
    <>
      {icon !== undefined && <Icon name={icon} />}
      <span>
        <bdi>{label}</bdi>
        {disabledBecause !== undefined && <small>{disabledBecause}</small>}
      </span>
    </>
  );
  if (href !== undefined && disabledBecause === undefined) {
    return (
      <a class="menu-item" href={href} onClick={close}>
        {text}
      </a>
    );
  }
  return (
    <button
      type="button"
      class={isDanger ? "menu-item menu-danger" : "menu-item"}
      aria-disabled={disabledBecause === undefined ? undefined : true}
      onClick={() => {
        if (disabledBecause !== undefined) return;
        close();
        onSelect?.();
      }}
    >
      {text}
    </button>
  );
}

/** Below the button, within the window. Anchors of CSS are not in every browser yet. */
function place(button: HTMLElement | null, list: HTMLElement | null): void {
  if (button === null || list === null) return;
  const { left, right, bottom, top } = button.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = list;
  const x = left + offsetWidth > innerWidth - 8 ? Math.max(8, right - offsetWidth) : left;
  const y = bottom + offsetHeight > innerHeight - 8 && top > offsetHeight ? top - offsetHeight - 4 : bottom + 4;
  list.style.left = `${x}px`;
  list.style.top = `${y}px`;
}
