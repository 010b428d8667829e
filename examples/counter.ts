/**
 * A counter that survives the loss of a node: the smallest use of the library.
 *
 * `deno run -A examples/counter.ts` runs a group of one, `--nodes 3` one of three, in this process.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  createCounterMachine,
  decodeCounterResult,
  encodeCounterOperation,
} from "../raft/machines/mod.ts";
import {
  createMemoryLogStore,
  createMemoryNetwork,
  createRaftServer,
  foundCluster,
  type RaftServer,
} from "../raft/mod.ts";

const INCREMENTS = [1, 2, 3, 4, 5];
const EXPECTED = 15;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function increment(server: RaftServer, by: number): Promise<void> {
  const data = encodeCounterOperation({ type: "increment", by });
  const { index, result } = await server.proposeOperation({
    kind: "custom",
    data,
  });
  const answer = decodeCounterResult(result);
  if (answer.type !== "value") throw new Error(answer.message);
  print(
    `  +${by} is entry ${index} of the log: the counter is ${answer.value}`,
  );
}

async function main(size: number): Promise<number> {
  const network = createMemoryNetwork();
  const machines = Array.from({ length: size }, createCounterMachine);
  const servers = machines.map((stateMachine, at) =>
    createRaftServer({
      id: at + 1,
      cluster: {
        clusterId: "counter",
        electionTimeoutMs: 300,
        heartbeatIntervalMs: 50,
      },
      stateMachine,
      store: createMemoryLogStore(),
      transport: network.transport(at + 1),
    })
  );
  await foundCluster(new Map(servers.map((server, at) => [at + 1, server])));
  print(`A group of ${size} counts. Every node takes increments in turn:`);
  for (const [at, by] of INCREMENTS.entries()) {
    const server = servers[at % size];
    if (server) await increment(server, by);
  }
  const values: number[] = [];
  for (const [at, machine] of machines.entries()) {
    const value = await servers[at]?.read(() => machine.value());
    values.push(value ?? NaN);
  }
  print(`Read on each node, with nothing missed: ${values.join(", ")}`);
  await Promise.all(servers.map((server) => server.stop({ handOver: false })));
  return values.every((value) => value === EXPECTED) ? 0 : 1;
}

if (import.meta.main) {
  const { nodes } = parseArgs(Deno.args, { string: ["nodes"] });
  Deno.exitCode = await main(Number(nodes ?? 1));
}
