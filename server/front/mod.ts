/**
 * Servers that hold their connections to bounds and speak TLS: what the platform's own does not.
 *
 * `front` accepts, `book` says who may stay, `tls_door` ends TLS, and an inner server on loopback
 * answers, or `direct` what lasts.
 *
 * @module
 */
export type { CutReason, FrontStats } from "./book.ts";
export { type Front, type FrontOptions, openFront } from "./front.ts";
export { FRONT_LIMITS, type FrontLimits } from "./limits.ts";
export { openServer } from "./serve.ts";
export type { TlsIdentity, TlsSource } from "./tls_door.ts";
