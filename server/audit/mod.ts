/**
 * The audit log: who changed what, from where, and what came of it; no secret.
 *
 * @module
 */
export {
  type Audit,
  type AuditedCall,
  type AuditKind,
  type AuditMode,
  type Caller,
  createAudit,
} from "./audit.ts";
export { summaryOf } from "./summary.ts";
