// Before the page is painted: the theme that was chosen in the console (data/preferences.ts), if any.
try {
  const { theme } = JSON.parse(localStorage.getItem("signet-console") ?? "{}") as { theme?: unknown };
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
} catch {
  // Without storage it is the system's.
}
