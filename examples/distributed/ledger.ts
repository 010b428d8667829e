import {
  encodeKvOperation,
  type KvMachine,
  textToByteString,
} from "../../raft/machines/mod.ts";
import { type NodeId, RaftError } from "../../raft/mod.ts";
import { type Demo, type DemoNode, pick, print } from "./nodes.ts";

/** What the writers were told. */
export interface Ledger {
  /** Tells this run's writes from those of an earlier one in the same files. */
  readonly run: string;
  next: number;
  readonly acknowledged: string[];
  /** Neither confirmed nor refused: may be there, or not. */
  readonly unknown: string[];
}

/** Makes an empty ledger. */
export function createLedger(): Ledger {
  const run = crypto.randomUUID();
  return { run, next: 1, acknowledged: [], unknown: [] };
}

/** Writes keys through these nodes in turn, a client on each. */
export async function write(
  demo: Demo,
  ledger: Ledger,
  ids: readonly NodeId[],
  count: number,
): Promise<void> {
  const last = ledger.next + count;
  const before = ledger.acknowledged.length;
  await Promise.all(
    pick(demo, ids).map(async (node) => {
      while (ledger.next < last) await writeOne(node, ledger, ledger.next++);
    }),
  );
  const done = ledger.acknowledged.length - before;
  const through = `nodes ${ids.join(", ")}`;
  print(`   ${done} of ${count} writes through ${through} are acknowledged.`);
}

async function writeOne(
  { server }: DemoNode,
  ledger: Ledger,
  number: number,
): Promise<void> {
  const key = `write ${number}`;
  const data = encodeKvOperation({
    type: "put",
    key: textToByteString(key),
    value: textToByteString(ledger.run),
    returnPrevious: false,
  });
  try {
    await server.proposeOperation({ kind: "custom", data });
    ledger.acknowledged.push(key);
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
    if (error.code === "outcome_unknown") ledger.unknown.push(key);
    print(`   "${key}" failed: ${error.message}`);
  }
}

function countLost(machine: KvMachine, ledger: Ledger): number {
  const expected = textToByteString(ledger.run);
  return ledger.acknowledged.filter((key) =>
    machine.get(textToByteString(key))?.value !== expected
  ).length;
}

/** Reads every node, shows what it has, and says whether all is well. */
export async function verdict(demo: Demo, ledger: Ledger): Promise<boolean> {
  const digests = new Set<number>();
  let lost = 0;
  print("   node  role      term  applied  keys  digest");
  for (const { id, server, machine } of demo.nodes.values()) {
    const digest = await server.read(() => machine.digest());
    const { role, term, appliedIndex } = server.status();
    digests.add(digest);
    lost += countLost(machine, ledger);
    const cells = [
      String(id).padStart(7),
      role.padEnd(8),
      String(term).padStart(5),
      String(appliedIndex).padStart(8),
      String(machine.size()).padStart(5),
      digest.toString(16).padStart(8, "0"),
    ];
    print(cells.join("  "));
  }
  const { acknowledged, unknown } = ledger;
  print(
    `   ${acknowledged.length} writes acknowledged, ${lost} lost, ` +
      `${unknown.length} of unknown outcome.`,
  );
  const consistent = digests.size === 1 && lost === 0;
  print(consistent ? "Consistent." : "NOT CONSISTENT.");
  return consistent;
}
