import lazy from "preact-iso/lazy";
import type { FunctionComponent } from "preact";

let styled: Promise<void> | undefined;

/** The style of all lazy screens: one sheet, asked for with the first of them. Without it they are plain, and can be used. */
function screensStyle(): Promise<void> {
  styled ??= new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = document.querySelector<HTMLMetaElement>('meta[name="screens-style"]')?.content ?? "";
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
  return styled;
}

/** A screen that is loaded with its style when it is opened first. */
export function lazyScreen(load: () => Promise<FunctionComponent>): FunctionComponent {
  return lazy(async () => {
    const [screen] = await Promise.all([load(), screensStyle()]);
    return screen;
  });
}
