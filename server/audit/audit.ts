import { logger } from "../logging/mod.ts";
import { summaryOf } from "./summary.ts";

/**
 * Which changing calls are written down: none, those that change the cluster, its nodes or its
 * configuration, or those of keys and entries as well, which may come by thousands a second.
 */
export type AuditMode = "off" | "control" | "all";

/** What a call changes. */
export type AuditKind = "control" | "data";

/** How a call was let in. */
export type Caller =
  | "admin token"
  | "read token"
  | "loopback"
  /** A function of the extension, which has checked its caller's rights in PostgreSQL. */
  | "sql function"
  /** The role `pgraft_admin` of the bridge's own listener. */
  | "sql admin"
  /** The role `pgraft_monitor` of it. */
  | "sql monitor"
  /** It was turned away. */
  | "nobody";

/** A changing call that has been answered. */
export interface AuditedCall {
  readonly kind: AuditKind;
  readonly caller: Caller;
  /** The address that it came from, or the path of a socket. */
  readonly from: string;
  /** What was asked: method and path, or the name of a function. */
  readonly call: string;
  /** What came with it. */
  readonly request: unknown;
  /** What it came to: `done`, or the code of the problem. */
  readonly outcome: string;
  readonly tookMs: number;
  /**
   * The request's id.
   *
   * @default {null}
   */
  readonly requestId?: string | null;
}

/** Writes changing calls down. */
export interface Audit {
  /** Whether calls of a kind are written down when they are let in; those turned away always are. */
  wants(kind: AuditKind): boolean;
  tell(call: AuditedCall): void;
}

/** What those are told who were not let in. */
const TURNED_AWAY: ReadonlySet<string> = new Set([
  "unauthorized",
  "forbidden",
  "unsupported_media_type",
  "42501",
]);

const LOG = logger("audit");

/**
 * Makes what writes changing calls into the node's log, each on a line of the category `audit`.
 *
 * @param mode Which.
 */
export function createAudit(mode: AuditMode): Audit {
  const wants = (kind: AuditKind): boolean =>
    mode === "all" || (mode === "control" && kind === "control");
  return {
    wants,
    tell(entry): void {
      const isRefused = TURNED_AWAY.has(entry.outcome);
      if (mode === "off" || !(wants(entry.kind) || isRefused)) return;
      const { caller, from, call, outcome, tookMs, requestId = null } = entry;
      const request = summaryOf(entry.request);
      LOG[isRefused ? "warning" : "info"]("A changing call was answered", {
        caller,
        from,
        call,
        ...(request === null ? {} : { request }),
        outcome,
        ms: Number(tookMs.toFixed(3)),
        ...(requestId === null ? {} : { requestId }),
      });
    },
  };
}
