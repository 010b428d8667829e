import { assert, assertEquals } from "@std/assert";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import {
  createKvMachine,
  decodeKvResult,
  encodeKvOperation,
  type KvMachine,
  type KvOperation,
  type KvResult,
  MAX_TICK_MS,
} from "./mod.ts";

const EVERYTHING = { key: "", rangeEnd: "\0" };

function apply(machine: KvMachine, operation: KvOperation): KvResult {
  const data = encodeKvOperation(operation);
  const index = machine.getLastAppliedIndex() + 1;
  return decodeKvResult(
    machine.applyOperation({ kind: "custom", data }, index),
  );
}

function put(machine: KvMachine, key: string, lease: number): KvResult {
  const operation = { type: "put", value: "1", returnPrevious: false } as const;
  return apply(machine, { ...operation, key, lease });
}

function grant(machine: KvMachine, id: number, ttlMs: number): KvResult {
  return apply(machine, { type: "lease_grant", id, ttlMs });
}

/** Moves the clock on by as many full ticks as it takes. */
function pass(machine: KvMachine, ms: number): void {
  for (let left = ms; left > 0; left -= MAX_TICK_MS) {
    const byMs = Math.min(left, MAX_TICK_MS);
    apply(machine, { type: "tick", fromMs: machine.clockMs(), byMs });
  }
}

function keysOf(machine: KvMachine): string[] {
  return machine.list(EVERYTHING).records.map(({ key }) => key);
}

function refusalOf(result: KvResult): string {
  return result.type === "refused" ? result.message : result.type;
}

function copyOf(machine: KvMachine): KvMachine {
  const copy = createKvMachine();
  const index = machine.getLastAppliedIndex();
  const restored = copy.restoreFromSnapshot(index);
  for (const piece of machine.createSnapshot(index)) restored.piece(piece);
  restored.done();
  return copy;
}

Deno.test("the keys of a lease go with it, in one revision", () => {
  const machine = createKvMachine();
  grant(machine, 7, 2000);
  put(machine, "a", 7);
  put(machine, "b", 7);
  put(machine, "c", 0);
  assertEquals(machine.lease(7)?.keys, new Set(["a", "b"]));
  pass(machine, 2000 + MAX_TICK_MS - 1);
  assertEquals(keysOf(machine), ["a", "b", "c"]);
  pass(machine, 1);
  assertEquals(keysOf(machine), ["c"]);
  assertEquals([machine.lease(7), machine.revision()], [null, 4]);
  const last = machine.changes({ ...EVERYTHING, after: 3 });
  assert(last.type === "changes");
  assertEquals(last.revisions[0]?.changes.map(({ after }) => after.key), [
    "a",
    "b",
  ]);
});

Deno.test("a lease that is renewed has its full time again", () => {
  const machine = createKvMachine();
  grant(machine, 7, 2000);
  put(machine, "a", 7);
  for (let n = 0; n < 5; n++) {
    pass(machine, 2000);
    assertEquals(apply(machine, { type: "lease_renew", id: 7 }), {
      type: "lease",
      revision: 1,
      ttlMs: 2000,
    });
  }
  pass(machine, 2000 + MAX_TICK_MS);
  assertEquals(keysOf(machine), []);
  assertEquals(
    refusalOf(apply(machine, { type: "lease_renew", id: 7 })),
    "etcdserver: requested lease not found",
  );
});

Deno.test("a key belongs to the lease of its last put", () => {
  const machine = createKvMachine();
  grant(machine, 1, 1000);
  grant(machine, 2, 1000);
  for (const key of ["a", "b", "c", "d"]) put(machine, key, 1);
  put(machine, "a", 2);
  put(machine, "b", 0);
  const key = { key: "c", rangeEnd: "" };
  apply(machine, { type: "delete", ...key, returnPrevious: false });
  put(machine, "c", 0);
  // A compare-and-set says nothing of leases and leaves the key its own.
  apply(machine, {
    type: "compare_and_set",
    key: "d",
    expected: { type: "value", value: "1" },
    value: "2",
  });
  assertEquals(machine.lease(1)?.keys, new Set(["d"]));
  apply(machine, { type: "lease_revoke", id: 1 });
  assertEquals(keysOf(machine), ["a", "b", "c"]);
  apply(machine, { type: "lease_revoke", id: 2 });
  assertEquals(keysOf(machine), ["b", "c"]);
});

Deno.test("what names no lease, or one twice, is refused and changes nothing", () => {
  const machine = createKvMachine();
  grant(machine, 7, 1000);
  put(machine, "a", 7);
  const digest = machine.digest();
  const step = { type: "put", value: "1", returnPrevious: false } as const;
  const steps = [{ ...step, key: "b" }, { ...step, key: "c", lease: 8 }];
  const gone = "etcdserver: requested lease not found";
  const cases: [KvOperation, string][] = [
    [{ ...step, key: "a", lease: 8 }, gone],
    [
      { type: "transaction", comparisons: [], success: steps, failure: [] },
      gone,
    ],
    [{ type: "lease_revoke", id: 8 }, gone],
    [
      { type: "lease_grant", id: 7, ttlMs: 5000 },
      "etcdserver: lease already exists",
    ],
    [
      { type: "lease_grant", id: 8, ttlMs: 9e15 },
      "etcdserver: too large lease TTL",
    ],
    [
      { type: "lease_grant", id: 0, ttlMs: 5000 },
      "A lease's number is from 1",
    ],
  ];
  for (const [operation, message] of cases) {
    assertEquals(refusalOf(apply(machine, operation)), message);
    assertEquals(machine.digest(), digest);
  }
});

Deno.test("there is a bound to leases, and to those that end at once", () => {
  const machine = createKvMachine();
  for (let id = 1; id <= 10_000; id++) grant(machine, id, 1000);
  const more = grant(machine, 10_001, 1000);
  assert(more.type === "refused" && more.reason === "full");
  pass(machine, 1000);
  for (let left = 9900; left >= 0; left -= 100) {
    pass(machine, MAX_TICK_MS);
    assertEquals(machine.leaseCount(), left);
  }
});

Deno.test("a tick counts once, and not at all after another one", () => {
  const machine = createKvMachine();
  const tick = (fromMs: number, byMs: number): KvResult =>
    apply(machine, { type: "tick", fromMs, byMs });
  assertEquals(tick(0, 400), { type: "clock", revision: 0, clockMs: 400 });
  for (const fromMs of [0, 399, 401]) {
    assertEquals(tick(fromMs, 300), {
      type: "clock",
      revision: 0,
      clockMs: 400,
    });
  }
  tick(400, 60_000);
  assertEquals(machine.clockMs(), 400 + MAX_TICK_MS);
});

Deno.test("leases and the clock stand in snapshots, and go on there", () => {
  const machine = createKvMachine();
  for (let id = 1; id <= 3000; id++) grant(machine, id, 1000 + id);
  put(machine, "a", 1);
  put(machine, "b", 2);
  pass(machine, 1500);
  const copy = copyOf(machine);
  assertEquals(copy.digest(), machine.digest());
  assertEquals(copy.lease(2), machine.lease(2));
  for (const one of [machine, copy]) pass(one, 501);
  assertEquals(keysOf(copy), ["b"]);
  for (let n = 0; n < 10; n++) {
    for (const one of [machine, copy]) pass(one, 333);
    assertEquals(copy.digest(), machine.digest());
  }
});

Deno.test("a snapshot holds leases of its own moment, whatever ends while it is read", () => {
  const machine = createKvMachine();
  grant(machine, 1, 1000);
  for (let n = 0; n < 3000; n++) put(machine, `k${n}`, 1);
  const { leaseCount } = machine;
  const index = machine.getLastAppliedIndex();
  const digest = machine.digest();
  const pieces: Uint8Array[] = [];
  for (const piece of machine.createSnapshot(index)) {
    pieces.push(piece);
    if (leaseCount() > 0) apply(machine, { type: "lease_revoke", id: 1 });
  }
  assertEquals(machine.size(), 0);
  const copy = createKvMachine();
  const restored = copy.restoreFromSnapshot(index);
  for (const piece of pieces) restored.piece(piece);
  restored.done();
  assertEquals(copy.digest(), digest);
  assertEquals(copy.lease(1)?.keys.size, 3000);
});

Deno.test("a snapshot of before there were leases is still read", () => {
  const machine = createKvMachine();
  const restored = machine.restoreFromSnapshot(3);
  // Format 1, revision 2, one key: a = 1, made by revision 1, changed by 2, version 2.
  restored.piece(Uint8Array.of(1, 1, 2, 1));
  restored.piece(Uint8Array.of(2, 1, 97, 1, 49, 1, 2, 2));
  restored.done();
  assertEquals(machine.get("a"), {
    key: "a",
    value: "1",
    createRevision: 1,
    modRevision: 2,
    version: 2,
    lease: 0,
    createdAtMs: 0,
    updatedAtMs: 0,
  });
  assertEquals(copyOf(machine).digest(), machine.digest());
});

Deno.test("a snapshot of before records had times is still read", () => {
  const machine = createKvMachine();
  const restored = machine.restoreFromSnapshot(3);
  // Format 2: beside what format 1 has, compacted 0, the clock at 5; the key's lease 0.
  restored.piece(Uint8Array.of(1, 2, 2, 1, 0, 5));
  restored.piece(Uint8Array.of(2, 1, 97, 1, 49, 1, 2, 2, 0));
  restored.done();
  assertEquals(machine.clockMs(), 5);
  const record = machine.get("a");
  assertEquals(
    [record?.version, record?.createdAtMs, record?.updatedAtMs],
    [2, 0, 0],
  );
});

/** A node that measures time as a leader does, and may do so while another one does, too. */
interface Measurer {
  /** The clock as it was when the measurement began, and when that was. */
  begun: { fromMs: number; atMs: number } | null;
}

Deno.test("no lease ends early, whoever measures time, also at once and with pauses", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const machine = createKvMachine();
    // In a calm group no measured time is lost, so that the clock keeps up with time.
    const isCalm = seed % 2 === 0;
    const measurers: Measurer[] = isCalm
      ? [{ begun: null }]
      : [{ begun: null }, { begun: null }];
    /** Proposed, and applied some time later in this order. */
    const log: { operation: KvOperation; atMs: number }[] = [];
    let nowMs = 0;
    let renewedMs = 0;
    const ttlMs = 1000 + randomBelow(random, 4000);
    grant(machine, 1, ttlMs);
    put(machine, "a", 1);
    while (machine.leaseCount() > 0 && nowMs < 600_000) {
      const isPaused = !isCalm && randomBelow(random, 20) === 0;
      nowMs += randomBelow(random, isPaused ? 9000 : isCalm ? 100 : 400);
      for (const one of measurers) {
        if (randomBelow(random, 10) > (isCalm ? 1 : 6)) continue;
        const { begun } = one;
        if (begun && begun.fromMs === machine.clockMs()) {
          const { fromMs, atMs } = begun;
          const byMs = Math.min(nowMs - atMs, MAX_TICK_MS);
          log.push({ operation: { type: "tick", fromMs, byMs }, atMs: nowMs });
          if (!isCalm && randomBelow(random, 2) === 0) continue;
          if (isCalm) {
            one.begun = { fromMs: fromMs + byMs, atMs: nowMs };
            continue;
          }
        }
        one.begun = { fromMs: machine.clockMs(), atMs: nowMs };
      }
      if (nowMs < 60_000 && randomBelow(random, 8) === 0) {
        log.push({ operation: { type: "lease_renew", id: 1 }, atMs: nowMs });
      }
      const count = isCalm ? log.length : randomBelow(random, log.length + 1);
      for (let n = count; n > 0; n--) {
        const next = log.shift();
        if (!next) break;
        apply(machine, next.operation);
        if (next.operation.type === "lease_renew") renewedMs = next.atMs;
        if (machine.leaseCount() > 0) continue;
        const livedMs = next.atMs - renewedMs;
        assert(livedMs >= ttlMs, `seed ${seed}: ${livedMs} of ${ttlMs}`);
        break;
      }
    }
    assertEquals(machine.leaseCount(), 0, `seed ${seed}: it never ended`);
  }
});

Deno.test("a compaction forgets changes on every member, and is refused as etcd does", () => {
  const machine = createKvMachine();
  for (const key of ["a", "b", "c", "d"]) put(machine, key, 0);
  const compact = (revision: number): string =>
    refusalOf(apply(machine, { type: "compact", revision }));
  assertEquals(compact(2), "compact");
  assertEquals(machine.oldestRevision(), 3);
  const compacted = "etcdserver: mvcc: required revision has been compacted";
  assertEquals([compact(2), compact(0)], [compacted, compacted]);
  assertEquals(
    compact(5),
    "etcdserver: mvcc: required revision is a future revision",
  );
  const copy = copyOf(machine);
  assertEquals(
    refusalOf(apply(copy, { type: "compact", revision: 2 })),
    compacted,
  );
  assertEquals(compact(4), "compact");
  assertEquals(machine.oldestRevision(), 5);
});
