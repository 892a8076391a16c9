import { useEffect } from "preact/hooks";

/** Asks before what was typed is lost: when the tab closes, and when a link leads elsewhere. */
export function useUnsavedGuard(isDirty: boolean, question = "Leave this page? What you typed is not saved."): void {
  useEffect(() => {
    if (!isDirty) return;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    // Before the router, which listens at the window.
    const onClick = (event: MouseEvent) => {
      const link = event.composedPath().find((element) => element instanceof HTMLAnchorElement);
      if (link === undefined || link.target !== "" || link.hasAttribute("download") || event.button !== 0) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      if (confirm(question)) return;
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("beforeunload", onUnload);
    document.addEventListener("click", onClick, true);
    return () => {
      removeEventListener("beforeunload", onUnload);
      document.removeEventListener("click", onClick, true);
    };
  }, [isDirty, question]);
}
