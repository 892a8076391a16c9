import { AppError } from "../../core/error.js";

/** Taken as JSON besides application/json and `+json` (api.md, "media type"): what `curl -d` sends when nobody says otherwise. */
const FORM = "application/x-www-form-urlencoded";

/**
 * Throws `unsupported_media_type` for a Content-Type that is not taken as JSON: application/json, any `+json`, none at all, and the
 * form type; with a charset, UTF-8 or ASCII.
 */
export function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType.trim() === "") return;
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim().toLowerCase());
  const isJson = type === "application/json" || type === FORM || /^[a-z]+\/[a-z0-9!#$&^_.+-]*\+json$/.test(type);
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  const isUtf8 = charset === undefined || ["utf-8", "utf8", "us-ascii"].includes(charset.replaceAll('"', ""));
  if (isJson && isUtf8) return;
  throw new AppError("unsupported_media_type", `send JSON in UTF-8, not ${JSON.stringify(contentType.slice(0, 100))}`);
}
