/**
 * Certificates: read, checked before anything starts, and followed while they are renewed.
 *
 * @module
 */
export { checkTls, type TlsName, type TlsUse } from "./check.ts";
export {
  readTlsFiles,
  TlsError,
  type TlsFiles,
  type TlsMaterial,
} from "./files.ts";
export {
  openTlsStore,
  type TlsEvents,
  type TlsStore,
  type TlsStoreOptions,
  verifyTls,
} from "./store.ts";
export { whyUntrusted } from "./words.ts";
