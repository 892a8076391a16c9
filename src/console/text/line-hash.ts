import { useEffect, useState } from "preact/hooks";

/** The line in a URL's fragment: 12 of `#L12`; undefined without one. */
export function lineOf(hash: string): number | undefined {
  const digits = /^#L([1-9]\d{0,8})$/.exec(hash)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The line that the URL names, and how to name another one. It replaces the entry of the history, so that back leaves the screen. */
export function useLineHash(): readonly [line: number | undefined, set: (line: number) => void] {
  const [line, setLine] = useState(() => lineOf(location.hash));
  useEffect(() => {
    const read = () => setLine(lineOf(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  const set = (wanted: number) => {
    const { pathname, search } = location;
    history.replaceState(history.state, "", `${pathname}${search}#L${wanted}`);
    setLine(wanted);
  };
  return [line, set];
}
