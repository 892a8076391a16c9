import { v7 } from "uuid";

/**
 * A new id for a row of which there will be many: UUIDv7 (RFC 9562), which sorts by the time that it was made. Such rows are added at the
 * end of an index; random ids would be spread over all its pages, and every one of them is a page that a commit has to write.
 *
 * The time in it is no secret: what it names tells when it was made.
 */
export function newRowId(): string {
  return v7();
}
