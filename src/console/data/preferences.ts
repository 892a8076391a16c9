import { effect, signal, type Signal } from "@preact/signals";

/** How the console looks. */
export type Theme = "system" | "light" | "dark";

/** Whose time of day is shown. */
export type TimeZone = "local" | "utc";

const KEY = "signet-console";

interface Preferences {
  readonly theme: Theme;
  readonly timeZone: TimeZone;
}

function kept(): Preferences {
  try {
    const { theme, timeZone } = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
    return {
      theme: theme === "light" || theme === "dark" ? theme : "system",
      timeZone: timeZone === "utc" ? "utc" : "local",
    };
  } catch {
    // Storage that is full, forbidden or written by something else.
    return { theme: "system", timeZone: "local" };
  }
}

const { theme: keptTheme, timeZone: keptTimeZone } = kept();

/** Light, dark, or as the system is. */
export const theme: Signal<Theme> = signal(keptTheme);

/** In which zone absolute times are shown. */
export const timeZone: Signal<TimeZone> = signal(keptTimeZone);

/** Keeps both preferences in this browser and shows the theme, from now on. */
export function startPreferences(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    try {
      localStorage.setItem(KEY, JSON.stringify({ theme: theme.value, timeZone: timeZone.value }));
    } catch {
      // They are then kept for as long as the page is open.
    }
  });
}
