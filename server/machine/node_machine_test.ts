import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ClusterCommand, encodeCommand } from "../../pg/cluster/mod.ts";
import {
  encodeKvOperation,
  encodeLogOperation,
  textToByteString,
} from "../../raft/machines/mod.ts";
import { encodePartOperation, type OnceKey, type Part } from "./envelope.ts";
import { encodeMemberInfo, isSameInfo, type MemberInfo } from "./members.ts";
import { createNodeMachine, type NodeMachine } from "./node_machine.ts";
import { encodeSettings } from "./cluster_settings.ts";
import { encodeSqlCommand } from "./sql_queue.ts";
import { ONCE_ANSWERED, ONCE_REUSED } from "./once.ts";

const INFO: MemberInfo = {
  id: 2,
  name: "node2",
  api: "10.0.0.2:8008",
  kind: "witness",
  version: "1.2.3",
};

const REGISTER: ClusterCommand = {
  type: "register",
  id: 2,
  host: "10.0.0.2",
  port: 5432,
  version: "15.18",
  mode: "strict",
};

function put(key: string, value: string): Uint8Array {
  return encodeKvOperation({
    type: "put",
    key: textToByteString(key),
    value: textToByteString(value),
    returnPrevious: false,
  });
}

function append(data: string): Uint8Array {
  return encodeLogOperation({
    type: "append",
    data: new TextEncoder().encode(data),
  });
}

/** Applies operations one after the other. */
function applierOf(
  machine: NodeMachine,
): (part: Part, data: Uint8Array, once?: OnceKey | null) => Uint8Array {
  return (part, data, once = null) =>
    machine.applyOperation(
      {
        kind: "custom",
        data: encodePartOperation({ part, once, data }),
      },
      machine.getLastAppliedIndex() + 1,
      termOf(machine),
    );
}

/** A term that grows by and by. */
function termOf(machine: NodeMachine): number {
  return 1 + Math.floor(machine.getLastAppliedIndex() / 100);
}

const SETTINGS = { heartbeatIntervalMs: 50, electionTimeoutMs: 500 };

function submission(sql: string): Uint8Array {
  return encodeSqlCommand({
    type: "submit",
    kind: "custom",
    sql,
    database: "postgres",
    role: "app",
    atMs: 1,
  });
}

function onceOf(key: number, request: number): OnceKey {
  return {
    key: new Uint8Array(16).fill(key),
    fingerprint: new Uint8Array(16).fill(request),
  };
}

/** All that a machine knows, to be compared. */
function contentOf(machine: NodeMachine): unknown {
  const { kv, log } = machine;
  return {
    applied: machine.getLastAppliedIndex(),
    revision: kv.revision(),
    digest: kv.digest(),
    keys: kv.list({ key: "", rangeEnd: "\0" }).records,
    entries: log.readRange(1, { limit: 1000 }),
    members: [...machine.members()],
    cluster: machine.cluster(),
    terms: [1, 2, 150].map((position) => machine.logTerm(position)),
    settings: machine.settings(),
    sql: machine.sql(),
  };
}

Deno.test("a repeated request is answered as the first time and changes nothing", () => {
  const machine = createNodeMachine();
  const apply = applierOf(machine);
  const once = onceOf(1, 1);

  const first = apply("log", append("a"), once);
  const plain = apply("log", append("b"));
  const again = apply("log", append("a"), once);

  assertEquals(first[0], ONCE_ANSWERED);
  assertEquals(again, first);
  assert(plain[0] !== undefined);
  assertEquals(machine.log.lastPosition(), 2);
});

Deno.test("a key that came with another request changes nothing and says so", () => {
  const machine = createNodeMachine();
  const apply = applierOf(machine);
  apply("kv", put("a", "1"), onceOf(1, 1));

  assertEquals(
    apply("kv", put("a", "2"), onceOf(1, 2)),
    Uint8Array.of(ONCE_REUSED),
  );
  assertEquals(machine.kv.get("a")?.value, "1");
  assertEquals(machine.getLastAppliedIndex(), 2);
});

Deno.test("a snapshot holds all parts of one moment, whatever is applied while it is read", () => {
  const machine = createNodeMachine();
  const apply = applierOf(machine);
  for (let n = 0; n < 200; n++) {
    apply("kv", put(`key ${n}`, "before"), onceOf(n, n));
    apply("log", append(`entry ${n}`));
  }
  apply("members", encodeMemberInfo(INFO));
  apply("cluster", encodeCommand(REGISTER));
  apply("settings", encodeSettings(SETTINGS));
  apply("sql", submission("select 1"));
  const before = contentOf(machine);
  const index = machine.getLastAppliedIndex();

  const pieces: Uint8Array[] = [];
  let n = 0;
  for (const piece of machine.createSnapshot(index)) {
    pieces.push(piece);
    apply("kv", put(`key ${n++}`, "after"));
    apply("kv", put(`new ${n}`, "after"), onceOf(n, 250));
    apply("log", append("after"));
    apply("members", encodeMemberInfo({ ...INFO, name: `after ${n}` }));
    apply("cluster", encodeCommand({ ...REGISTER, port: n }));
    apply("settings", encodeSettings({ ...SETTINGS, heartbeatIntervalMs: n }));
    apply("sql", submission(`select ${n}`));
  }
  assert(n > 3, "nothing was applied in between");

  const copy = createNodeMachine();
  const restore = copy.restoreFromSnapshot(index);
  for (const piece of pieces) restore.piece(piece);
  restore.done();
  assertEquals(contentOf(copy), before);

  // It goes on as the original did: repetitions are still known.
  const known = applierOf(copy)("kv", put("key 7", "before"), onceOf(7, 7));
  assertEquals(known[0], ONCE_ANSWERED);
  assertEquals(copy.kv.revision(), 200);
});

Deno.test("a snapshot that is left early lets the next one begin", () => {
  const machine = createNodeMachine();
  const apply = applierOf(machine);
  for (let n = 0; n < 5; n++) apply("kv", put(`key ${n}`, "1"));

  for (const _piece of machine.createSnapshot(5)) break;

  assert([...machine.createSnapshot(5)].length > 0);
});

Deno.test("a restore replaces what was there, once it is done", () => {
  const source = createNodeMachine();
  applierOf(source)("kv", put("new", "1"));
  const target = createNodeMachine();
  const apply = applierOf(target);
  apply("kv", put("old", "1"));
  apply("members", encodeMemberInfo(INFO));
  const before = contentOf(target);

  const pieces = [...source.createSnapshot(1)];
  const abandoned = target.restoreFromSnapshot(1);
  for (const piece of pieces) abandoned.piece(piece);
  assertEquals(contentOf(target), before);

  const restore = target.restoreFromSnapshot(1);
  for (const piece of pieces) restore.piece(piece);
  restore.done();
  assertEquals(contentOf(target), contentOf(source));
});

Deno.test("a snapshot of a later version is refused by its section", () => {
  const restore = createNodeMachine().restoreFromSnapshot(1);
  assertThrows(
    () => restore.piece(Uint8Array.of(9)),
    RangeError,
    "Section 9 of a snapshot is unknown",
  );
});

Deno.test("isSameInfo() notices a change of every field", () => {
  assert(isSameInfo(INFO, { ...INFO }));
  assert(!isSameInfo(undefined, INFO));
  const changes: Partial<MemberInfo>[] = [
    { id: 3 },
    { name: "b" },
    { api: "b:1" },
    { kind: "data" },
    { version: "2" },
  ];
  for (const change of changes) {
    assert(!isSameInfo(INFO, { ...INFO, ...change }));
  }
});
