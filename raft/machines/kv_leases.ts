import type { ByteString } from "./byte_string.ts";

/**
 * The most by which one tick moves the clock. What a leader measured may have begun that much before
 * the entry of a lease that it follows in the log, so a lease lasts that much longer.
 */
export const MAX_TICK_MS = 1000;
/** How many leases there may be. */
export const MAX_LEASES = 10_000;
/** How many leases one tick ends at most; the next one goes on. */
export const MAX_EXPIRED_AT_ONCE = 100;
/** The longest time to live, as etcd has it. */
export const MAX_LEASE_TTL_MS = 9_000_000_000_000;

/** A lease: its keys go when it does. */
export interface KvLease {
  readonly id: number;
  readonly ttlMs: number;
  /** When it ends, by the clock of its table, if nobody keeps it alive. */
  readonly deadlineMs: number;
  readonly keys: ReadonlySet<ByteString>;
}

interface Lease extends KvLease {
  deadlineMs: number;
  readonly keys: Set<ByteString>;
}

/**
 * The leases of a store, and the clock by which they end. The clock only moves by entries of the log:
 * each says what it was (`from`) and by how much it goes on, and counts only if it still is that. So
 * no stretch of time is counted twice, whoever measured it, and the clock is never ahead of time.
 */
export interface KvLeases {
  clockMs: number;
  readonly byId: Map<number, Lease>;
}

/**
 * Makes a table without leases.
 *
 * @param clockMs The clock.
 * @returns The table.
 */
export function createKvLeases(clockMs = 0): KvLeases {
  return { clockMs, byId: new Map() };
}

/**
 * Adds a lease, or gives one that there is its full time again.
 *
 * @param leases Where.
 * @param id Its number.
 * @param ttlMs How long it lives.
 */
export function startLease(leases: KvLeases, id: number, ttlMs: number): void {
  const deadlineMs = leases.clockMs + ttlMs + MAX_TICK_MS;
  const lease = leases.byId.get(id);
  if (lease) lease.deadlineMs = deadlineMs;
  else leases.byId.set(id, { id, ttlMs, deadlineMs, keys: new Set() });
}

/**
 * Takes a lease in as it was elsewhere.
 *
 * @param leases Where.
 * @param lease The lease; its keys come with their records.
 */
export function restoreLease(
  leases: KvLeases,
  { id, ttlMs, deadlineMs }: Omit<KvLease, "keys">,
): void {
  leases.byId.set(id, { id, ttlMs, deadlineMs, keys: new Set() });
}

/**
 * Lets a key go from one lease to another.
 *
 * @param leases Where.
 * @param key The key.
 * @param from The lease that it had; 0 for none.
 * @param to The lease that it gets; 0 for none.
 * @returns Whether there is such a lease.
 */
export function moveKey(
  leases: KvLeases,
  key: ByteString,
  from: number,
  to: number,
): boolean {
  if (from !== 0) leases.byId.get(from)?.keys.delete(key);
  if (to === 0) return true;
  return leases.byId.get(to)?.keys.add(key) !== undefined;
}

/**
 * Moves the clock on, if it still is what the measurement began with.
 *
 * @param leases Where.
 * @param fromMs The clock at the beginning of the measurement.
 * @param byMs What was measured.
 * @returns The leases that have ended, in the order in which they did.
 */
export function tickLeases(
  leases: KvLeases,
  fromMs: number,
  byMs: number,
): KvLease[] {
  if (leases.clockMs !== fromMs) return [];
  leases.clockMs += Math.min(byMs, MAX_TICK_MS);
  const ended: KvLease[] = [];
  for (const lease of leases.byId.values()) {
    if (lease.deadlineMs <= leases.clockMs) ended.push(lease);
  }
  ended.sort((a, b) => a.deadlineMs - b.deadlineMs || a.id - b.id);
  return ended.slice(0, MAX_EXPIRED_AT_ONCE);
}

/**
 * Says for how long a lease surely lives on.
 *
 * @param leases Where.
 * @param id Its number.
 * @returns The time; 0 when there is no such lease.
 */
export function remainingMs(leases: KvLeases, id: number): number {
  const deadlineMs = leases.byId.get(id)?.deadlineMs ?? 0;
  return Math.max(0, deadlineMs - leases.clockMs - MAX_TICK_MS);
}
