import { assertEquals } from "@std/assert";
import { present, seededRandom } from "../../base/mod.ts";
import { type CommandId, decodeCommand } from "./command.ts";
import type { DriverPorts } from "./ports.ts";
import {
  addProposal,
  createProposals,
  onApplied,
  onSessionOpened,
  type Proposals,
  takeUnsent,
} from "./proposals.ts";
import {
  admit,
  createSessionTable,
  keepResult,
  openSession,
  SESSION_WINDOW,
  type SessionTable,
} from "./sessions.ts";

const TIMEOUT_MS = 60_000;
const RESULT = new Uint8Array(1);

/** A node whose proposals go into a log that a test owns. */
interface Bench {
  readonly book: Proposals;
  readonly table: SessionTable;
  readonly ports: DriverPorts;
  /** Which of its proposals are answered. */
  readonly answered: number[];
}

function createBench(): Bench {
  const ports = {
    observer: {},
    random: seededRandom(1),
    nowMs: () => 0,
  } as DriverPorts;
  const bench: Bench = {
    book: createProposals(),
    table: createSessionTable(),
    ports,
    answered: [],
  };
  propose(bench);
  takeUnsent(bench.book, ports, true);
  openSession(bench.table, bench.book.session, 1);
  onSessionOpened(bench.book, bench.book.session);
  return bench;
}

function propose({ book, ports, answered }: Bench): void {
  const operation = { kind: "custom", data: RESULT } as const;
  const number = book.nextSequence;
  addProposal(book, ports, operation, TIMEOUT_MS, ({ kind }) => {
    assertEquals(kind, "applied");
    answered.push(number);
  });
}

function take({ book, ports }: Bench): CommandId[] {
  return takeUnsent(book, ports, true).map(({ data }) => {
    const command = decodeCommand(data);
    if (command.kind !== "operation") throw new Error("no operation");
    return command.id;
  });
}

/** Applies a command, as every member does and as the node that waits for it. */
function apply({ book, ports, table }: Bench, id: CommandId): void {
  assertEquals(admit(table, id, id.sequence).kind, "apply");
  keepResult(table, id, RESULT);
  onApplied(book, ports, id.sequence, id.sequence, RESULT, 0);
}

Deno.test("takeUnsent() lets no proposal go that is a window ahead of the oldest without an answer", () => {
  const bench = createBench();
  const [lost, ...others] = take(bench);
  assertEquals([lost?.sequence, others], [1, []]);
  const beyond = 10;
  for (let each = 1; each < SESSION_WINDOW + beyond; each++) {
    propose(bench);
    for (const id of take(bench)) apply(bench, id);
  }
  assertEquals(bench.answered.length, SESSION_WINDOW - 1);
  const session = present(bench.table.sessions.get(bench.book.session), "it");
  assertEquals(session.results.size, SESSION_WINDOW - 1);

  apply(bench, present(lost, "the first"));
  const rest = take(bench);
  assertEquals(rest.length, beyond);
  for (const id of rest) apply(bench, id);
  assertEquals(bench.answered.length, SESSION_WINDOW + beyond);
  assertEquals(session.results.size, beyond);
});
