/** All that needs CodeMirror: one chunk, loaded with the first text that is shown. */
export { openDifference } from "./difference.js";
export { openEditor } from "./editor.js";
export { openReader } from "./reader.js";
