import { AppError } from "../../core/error.js";

/** The default of `curl -d`, also for JSON. */
const FORM = "application/x-www-form-urlencoded";

/**
 * Refuses a Content-Type that is not read as JSON. Taken are `application/json`, any `+json`, none at all, and the form type
 * (api.md, "media type"); each in UTF-8 or US-ASCII.
 *
 * Throws `unsupported_media_type`. To be asked only about a request that has a body.
 */
export function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType.trim() === "") return;
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim().toLowerCase());
  const isJson = type === "application/json" || type === FORM || /^[a-z]+\/[a-z0-9!#$&^_.+-]+\+json$/.test(type);
  if (!isJson) throw new AppError("unsupported_media_type", "the body must be application/json");
  for (const parameter of parameters) {
    const charset = /^charset=(.*)$/.exec(parameter)?.[1]?.replaceAll('"', "");
    if (charset !== undefined && !["utf-8", "utf8", "us-ascii"].includes(charset)) {
      throw new AppError("unsupported_media_type", "the body must be in UTF-8");
    }
  }
}
