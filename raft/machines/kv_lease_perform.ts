import { deleteKeys } from "./kv_change.ts";
import {
  type KvLease,
  MAX_LEASE_TTL_MS,
  MAX_LEASES,
  startLease,
  tickLeases,
} from "./kv_leases.ts";
import type { KvLeaseChange, KvLeaseGrant, KvTick } from "./kv_operation.ts";
import { encodeKvResult } from "./kv_result.ts";
import type { KvState } from "./kv_state.ts";
import { encodeRefusal } from "./result.ts";

/** Etcd's words, which programs compare. */
export const LEASE_NOT_FOUND = "etcdserver: requested lease not found";
const LEASE_EXISTS = "etcdserver: lease already exists";
const LEASE_TTL_TOO_LARGE = "etcdserver: too large lease TTL";

/**
 * Carries out what is about leases.
 *
 * @param state Where.
 * @param operation What.
 * @returns The encoded result.
 */
export function performLease(
  state: KvState,
  operation: KvLeaseGrant | KvLeaseChange | KvTick,
): Uint8Array {
  switch (operation.type) {
    case "lease_grant":
      return grant(state, operation);
    case "tick":
      return tick(state, operation);
    case "lease_renew":
    case "lease_revoke":
      return change(state, operation);
  }
}

function grant(state: KvState, { id, ttlMs }: KvLeaseGrant): Uint8Array {
  const { leases, revision } = state;
  if (id === 0) return encodeRefusal("invalid", "A lease's number is from 1");
  if (leases.byId.has(id)) return encodeRefusal("invalid", LEASE_EXISTS);
  if (ttlMs > MAX_LEASE_TTL_MS) {
    return encodeRefusal("invalid", LEASE_TTL_TOO_LARGE);
  }
  if (leases.byId.size >= MAX_LEASES) {
    return encodeRefusal(
      "full",
      `There are ${MAX_LEASES} leases, and no more are allowed; revoke some, or put more keys on one`,
    );
  }
  startLease(leases, id, ttlMs);
  return encodeKvResult({ type: "lease", revision, ttlMs });
}

function change(state: KvState, { type, id }: KvLeaseChange): Uint8Array {
  const lease = state.leases.byId.get(id);
  if (!lease) return encodeRefusal("invalid", LEASE_NOT_FOUND);
  if (type === "lease_revoke") endLease(state, lease);
  else startLease(state.leases, id, lease.ttlMs);
  const ttlMs = type === "lease_revoke" ? 0 : lease.ttlMs;
  return encodeKvResult({ type: "lease", revision: state.revision, ttlMs });
}

function tick(state: KvState, { fromMs, byMs }: KvTick): Uint8Array {
  const { leases } = state;
  for (const lease of tickLeases(leases, fromMs, byMs)) endLease(state, lease);
  const { revision } = state;
  return encodeKvResult({ type: "clock", revision, clockMs: leases.clockMs });
}

/** All keys of a lease go in one revision, as in etcd; in order, for history is told in that order. */
function endLease(state: KvState, { id, keys }: KvLease): void {
  state.leases.byId.delete(id);
  const next = state.revision + 1;
  for (const key of [...keys].sort()) {
    const one = { type: "delete", key, rangeEnd: "" } as const;
    deleteKeys(state, { ...one, returnPrevious: false }, next);
  }
}
