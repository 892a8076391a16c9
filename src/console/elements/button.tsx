import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon.js";

/** The weight of a button: one primary for a view; danger for what cannot be undone. */
export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "icon" | "size"> & {
  readonly kind?: ButtonKind;
  /** Its work is running: it says so and cannot be pressed. */
  readonly busy?: boolean;
  readonly icon?: IconName;
  readonly size?: "small";
  readonly children?: ComponentChildren;
};

/** A button. Without children give it an `aria-label`. */
export function Button({ kind = "plain", busy = false, icon, size, class: more, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={classes(kind, size, more as string | undefined)}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? undefined : rest.onClick}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
      {busy && <span class="busy" aria-hidden="true" />}
    </button>
  );
}

type LinkButtonProps = Omit<JSX.IntrinsicElements["a"], "icon" | "size" | "href" | "role"> & {
  readonly href: string;
  readonly kind?: ButtonKind;
  readonly icon?: IconName;
  readonly size?: "small";
  readonly children?: ComponentChildren;
};

/** A link that looks like a button: it leads somewhere and changes nothing. */
export function LinkButton({ kind = "plain", icon, size, class: more, children, ...rest }: LinkButtonProps) {
  return (
    <a {...rest} class={classes(kind, size, more as string | undefined)}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </a>
  );
}

function classes(kind: ButtonKind, size: "small" | undefined, more = ""): string {
  return `button button-${kind}${size === undefined ? "" : ` button-${size}`}${more === "" ? "" : ` ${more}`}`;
}
