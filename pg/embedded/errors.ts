/** Thrown when there is no embedded PostgreSQL to be had. */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
}
