import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A step of the way to a page. */
export interface Crumb {
  readonly label: string;
  readonly href?: string;
}

interface PageProps {
  /** The heading, and the start of the tab's title. */
  readonly title: string;
  /** From the outermost to the page before this one. */
  readonly crumbs?: readonly Crumb[];
  /** Beside the heading. */
  readonly actions?: ComponentChildren;
  /** Below the heading, in a line. */
  readonly lead?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Whether no screen was shown yet since the console was opened. */
let isFirstPage = true;

/** A screen: its heading takes the focus when it appears, and the tab has its name. */
export function Page({ title, crumbs = [], actions, lead, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const place = [...crumbs.map(({ label }) => label).reverse(), "Signet"].join(" · ");
  useEffect(() => {
    document.title = `${title} · ${place}`;
  }, [title, place]);
  useEffect(() => {
    // Not when the console was opened: then a reader starts at the top. Nor when a field of the screen took the focus.
    if (!isFirstPage && document.querySelector("main :focus") === null) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  return (
    <>
      {crumbs.length > 0 && (
        <nav class="crumbs" aria-label="Breadcrumb">
          <ol>
            {crumbs.map(({ label, href }) => (
              <li key={href ?? label}>
                {href === undefined ? (
                  <bdi>{label}</bdi>
                ) : (
                  <a href={href}>
                    <bdi>{label}</bdi>
                  </a>
                )}
              </li>
            ))}
          </ol>
        </nav>
      )}
      <header class="page-head">
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1}>
            <bdi>{title}</bdi>
          </h1>
          {lead !== undefined && <p class="page-lead">{lead}</p>}
        </div>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}
