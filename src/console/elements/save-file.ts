/** Has the browser keep a file. */
export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; the file is the browser's until it is done.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
