/**
 * Files that are replaced while a node runs: certificates and tokens.
 *
 * @module
 */
export {
  keepFresh,
  LOOK_INTERVAL_MS,
  type Renewal,
  type RenewalOptions,
} from "./renewal.ts";
