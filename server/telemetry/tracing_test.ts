import { assertEquals } from "@std/assert";
import type { Entry, RaftStateMachine } from "../../raft/mod.ts";
import { encodePartOperation } from "../machine/mod.ts";
import { type Context, type Otel, type Span, SPAN_KEY } from "./otel.ts";
import { createTracing, type Tracing } from "./tracing.ts";

/** A span as it was made, with what it came to. */
interface Made {
  readonly name: string;
  readonly parent: string;
  isEnded: boolean;
  status: string;
}

const NO_CONTEXT: Context = contextOf(new Map());

function contextOf(values: ReadonlyMap<symbol, unknown>): Context {
  return {
    getValue: (key) => values.get(key),
    setValue: (key, value) => contextOf(new Map([...values, [key, value]])),
  };
}

/** What notes the spans that it is asked for; their ids count up. */
function fakeOtel(): { otel: Otel; made: Made[] } {
  const made: Made[] = [];
  const startSpan = (name: string, context: Context): Span => {
    const parent = context.getValue(SPAN_KEY) as Span | undefined;
    const one: Made = {
      name,
      parent: parent?.spanContext().spanId ?? "",
      isEnded: false,
      status: "",
    };
    made.push(one);
    const spanId = made.length.toString(16).padStart(16, "0");
    return {
      spanContext: () => ({ traceId: "a".repeat(32), spanId, traceFlags: 1 }),
      setAttributes: () => {},
      setStatus: ({ message = "" }) => one.status = message,
      updateName: () => {},
      end: () => one.isEnded = true,
    };
  };
  const otel = {
    tracer: {
      startSpan: (name: string, _: unknown, context: Context) =>
        startSpan(name, context),
    },
    meter: {},
    active: () => NO_CONTEXT,
  };
  return { otel: otel as unknown as Otel, made };
}

function entryOf(index: number, mark: Uint8Array | null): Entry {
  const operation = encodePartOperation({
    part: "kv",
    once: null,
    mark,
    data: new Uint8Array(),
  });
  // The driver's own header: an operation, of a session.
  const data = new Uint8Array(20 + operation.length);
  data[0] = 1;
  data.set(operation, 20);
  return { index, term: 1, kind: "command", data };
}

function machineOf(): RaftStateMachine {
  return {
    applyOperation: () => new Uint8Array(),
    createSnapshot: () => [],
    restoreFromSnapshot: () => {
      throw new Error("Nobody restores here");
    },
    getLastAppliedIndex: () => 0,
  };
}

function apply(tracing: Tracing, entry: Entry): void {
  tracing.applying(entry);
  const { data, index } = entry;
  tracing.machine(machineOf())
    .applyOperation({ kind: "custom", data: data.subarray(20) }, index, 1);
}

function stateOf(made: readonly Made[]): string[] {
  return made.map(({ name, parent, isEnded, status }) =>
    `${name} in ${Number.parseInt(parent, 16) || "none"} ${
      isEnded ? "ended" : "open"
    }${status && ` ${status}`}`
  );
}

Deno.test("on the leader a proposal leads to its commit and its apply", () => {
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 1 });
  const proposal = tracing.propose({});
  const entry = entryOf(7, proposal.mark);
  tracing.appending([entry], true);
  assertEquals(stateOf(made), [
    "pgraft.propose in none open",
    "pgraft.commit in 1 open",
  ]);
  apply(tracing, entry);
  proposal.ended(null);
  assertEquals(stateOf(made), [
    "pgraft.propose in none ended",
    "pgraft.commit in 1 ended",
    "pgraft.apply in 1 ended",
  ]);
});

Deno.test("elsewhere it is forwarded until its entry has come back", () => {
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 2 });
  const proposal = tracing.propose({});
  tracing.appending([entryOf(6, null)], false);
  assertEquals(stateOf(made)[1], "pgraft.forward in 1 open");
  tracing.appending([entryOf(7, proposal.mark)], false);
  assertEquals(stateOf(made)[1], "pgraft.forward in 1 ended");
  assertEquals(made.length, 2);
});

Deno.test("a proposal that fails ends with its forward, and says why", () => {
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 2 });
  tracing.propose({}).ended("no_quorum");
  assertEquals(stateOf(made), [
    "pgraft.propose in none ended no_quorum",
    "pgraft.forward in 1 ended",
  ]);
});

Deno.test("a commit that another leader's entry takes the place of is over", () => {
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 1 });
  const { mark } = tracing.propose({});
  tracing.appending([entryOf(7, mark)], true);
  tracing.appending([entryOf(7, null)], false);
  apply(tracing, entryOf(7, null));
  assertEquals(stateOf(made)[1], "pgraft.commit in 1 ended");
  assertEquals(made.length, 2);
});

Deno.test("what is applied again after a restart, or was never traced, has no spans", () => {
  const first = fakeOtel();
  const { mark } = createTracing(first.otel, { id: 1, leaderId: () => 1 })
    .propose({});
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 1 });
  apply(tracing, entryOf(7, mark));
  tracing.appending([entryOf(8, null)], true);
  apply(tracing, entryOf(8, null));
  assertEquals(made, []);
});

Deno.test("entries that are never applied do not add up", () => {
  const { otel, made } = fakeOtel();
  const tracing = createTracing(otel, { id: 1, leaderId: () => 1 });
  const { mark } = tracing.propose({});
  for (let index = 1; index <= 10_000; index++) {
    tracing.appending([entryOf(index, mark)], true);
  }
  const open = made.filter(({ isEnded }) => !isEnded);
  assertEquals(open.length, 8192 + 1);
});
