/** The largest document that the server takes unless it is told otherwise, in bytes. */
const MAX_FILE = 16 * 1024 * 1024;

/** A file that was read, or why it cannot be published. */
export type OpenedFile =
  | { readonly kind: "text"; readonly name: string; readonly text: string }
  | { readonly kind: "refused"; readonly because: string };

/** Reads a file that was chosen or dropped. */
export async function openFile(file: File): Promise<OpenedFile> {
  const refused = (because: string): OpenedFile => ({ kind: "refused", because });
  if (/\.ya?ml$/i.test(file.name)) {
    return refused(`${file.name} is YAML, and the server takes JSON. signet publish -f ${file.name} converts it.`);
  }
  if (file.size > MAX_FILE) return refused(`${file.name} is larger than 16 MiB, which the server takes at most.`);
  try {
    // A replaced character would be another document.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return { kind: "text", name: file.name, text };
  } catch {
    return refused(`${file.name} cannot be read, or is not UTF-8.`);
  }
}
