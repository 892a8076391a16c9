// Before the page is painted: the theme that was chosen in the console (data/preferences.ts), or else the system's. Swagger UI knows
// dark by a class of its own.
const { documentElement } = document;
const system = matchMedia("(prefers-color-scheme: dark)");

let chosen: unknown;
try {
  chosen = (JSON.parse(localStorage.getItem("signet-console") ?? "{}") as { theme?: unknown }).theme;
} catch {
  // Without storage it is the system's.
}
if (chosen === "light" || chosen === "dark") documentElement.dataset["theme"] = chosen;

const show = (): void => {
  documentElement.classList.toggle("dark-mode", chosen === "dark" || (chosen !== "light" && system.matches));
};
show();
system.addEventListener("change", show);
