import { assert, assertEquals } from "@std/assert";
import {
  present,
  type Random,
  randomBelow,
  seededRandom,
} from "../base/mod.ts";
import {
  checkLinearizable,
  createKvModel,
  createLogModel,
  type HistoryOperation,
  type KvInput,
  type KvOutput,
  type LogInput,
  type LogOutput,
} from "../sim/mod.ts";
import {
  type Answer,
  type Cluster,
  type ClusterNode,
  createNodeClient,
  type NodeClient,
  until,
} from "./nodes/mod.ts";
import { logOf } from "./node_test_kit.ts";

/** An operation that stays unanswered so long is given up as unknown. */
const ANSWER_TIMEOUT_MS = 1000;
const KEYS = ["a", "b", "c"];

/** What clients asked and were told, and when. */
export interface Histories {
  readonly kv: HistoryOperation<KvInput, KvOutput>[];
  readonly log: HistoryOperation<LogInput, LogOutput>[];
}

/** What strikes, in words, and the strike itself, which waits until clients are served again. */
export type Fault = readonly [
  string,
  (cluster: Cluster, histories: Histories) => Promise<void>,
];

/** Asks once and records what came of it; what certainly did nothing leaves no trace. */
async function record<I, O>(
  history: HistoryOperation<I, O>[],
  client: number,
  input: I,
  ask: () => Promise<Answer<O>>,
): Promise<O | null> {
  const calledAt = performance.now();
  const answer = await ask();
  if (answer.kind === "ok") {
    const returnedAt = performance.now();
    const output = answer.value;
    history.push({
      type: "completed",
      client,
      input,
      output,
      calledAt,
      returnedAt,
    });
    return output;
  }
  if (answer.kind === "unknown") {
    history.push({ type: "unknown", client, input, calledAt });
  }
  return null;
}

function mapped<T, O>(answer: Answer<T>, output: (value: T) => O): Answer<O> {
  return answer.kind === "ok"
    ? { ...answer, value: output(answer.value) }
    : answer;
}

async function askKv(
  client: NodeClient,
  input: KvInput,
): Promise<Answer<KvOutput>> {
  switch (input.type) {
    case "get":
      return mapped(
        await client.get(input.key),
        (found) => ({ type: "value", value: found?.value ?? null }),
      );
    case "put":
      return mapped(
        await client.put(input.key, input.value),
        () => ({ type: "done" }),
      );
    case "delete":
      throw new Error("No client deletes");
    case "compare_and_set": {
      const { key, expected, value } = input;
      const condition = expected === null
        ? { ifRevision: 0 }
        : { ifValue: expected };
      const answer = await client.put(key, value ?? "", condition);
      if (answer.kind === "refused" && answer.status === 412) {
        const output = { type: "changed", changed: false } as const;
        return { kind: "ok", status: 412, value: output };
      }
      return mapped(answer, () => ({ type: "changed", changed: true }));
    }
  }
}

async function askLog(
  client: NodeClient,
  input: LogInput,
): Promise<Answer<LogOutput>> {
  if (input.type === "append") {
    return mapped(
      await client.append(input.value),
      (position) => ({ type: "appended", position }),
    );
  }
  const answer = await client.request("GET", `/v1/log/${input.position}`);
  if (answer.kind === "refused" && answer.status === 404) {
    return { kind: "ok", status: 404, value: { type: "entry", value: null } };
  }
  return mapped(answer, (value) => ({
    type: "entry",
    value: (value as { data: string }).data,
  }));
}

function nextKvInput(
  random: Random,
  value: string,
  last: ReadonlyMap<string, string | null>,
): KvInput {
  const key = present(KEYS[randomBelow(random, KEYS.length)], "key");
  const choice = randomBelow(random, 10);
  if (choice < 4) return { type: "get", key };
  if (choice < 7) return { type: "put", key, value };
  const expected = last.get(key) ?? null;
  return { type: "compare_and_set", key, expected, value };
}

function clientOf({ api, token }: ClusterNode): NodeClient {
  const timeoutMs = ANSWER_TIMEOUT_MS;
  return createNodeClient({
    ...{ api, timeoutMs },
    ...(token === undefined ? {} : { token }),
  });
}

/** Works on the store through one node until it is told to stop. */
async function runKvClient(
  histories: Histories,
  id: number,
  node: ClusterNode,
  isOn: () => boolean,
): Promise<void> {
  using client = clientOf(node);
  const random = seededRandom(id);
  const last = new Map<string, string | null>();
  for (let n = 0; isOn(); n++) {
    const input = nextKvInput(random, `${id}.${n}`, last);
    const output = await record(
      histories.kv,
      id,
      input,
      () => askKv(client, input),
    );
    if (output?.type === "value") last.set(input.key, output.value);
    else if (output && input.type !== "get" && input.type !== "delete") {
      last.set(input.key, input.value);
    }
    if (output === null) await breathe();
  }
}

/** Appends and reads around the end of the log. */
async function runLogClient(
  histories: Histories,
  id: number,
  node: ClusterNode,
  isOn: () => boolean,
): Promise<void> {
  using client = clientOf(node);
  const random = seededRandom(id);
  let end = 0;
  for (let n = 0; isOn(); n++) {
    const input: LogInput = randomBelow(random, 2) === 0
      ? { type: "append", value: `${id}.${n}` }
      : { type: "read", position: end + 1 + randomBelow(random, 3) };
    const output = await record(
      histories.log,
      id,
      input,
      () => askLog(client, input),
    );
    if (output?.type === "appended") end = output.position;
    if (output?.type === "entry" && output.value !== null) end += 1;
    if (output === null) await breathe();
  }
}

/** After a refusal; a client that hammers on takes the processor from the nodes. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** Lets clients go on until so many more operations were answered. */
export async function letRun(
  { kv, log }: Histories,
  count: number,
): Promise<void> {
  const aim = kv.length + log.length + count;
  await until(() => kv.length + log.length >= aim || null, {
    what: `${count} more operations are answered`,
  });
}

/** Reads everything at the end, through every node. */
async function readAll(cluster: Cluster, histories: Histories): Promise<void> {
  for (const { id, client } of cluster.nodes) {
    for (const key of KEYS) {
      const input = { type: "get", key } as const;
      const output = await record(
        histories.kv,
        100 + id,
        input,
        () => askKv(client, input),
      );
      assert(output !== null, `node ${id} does not answer`);
    }
  }
}

function assertLinearizable({ kv, log }: Histories): void {
  const kvVerdict = checkLinearizable(createKvModel(kv), kv);
  if (kvVerdict.type === "illegal") throw new Error(kvVerdict.report);
  assertEquals(kvVerdict.type, "linearizable");
  const logVerdict = checkLinearizable(createLogModel(log), log);
  if (logVerdict.type === "illegal") throw new Error(logVerdict.report);
  assertEquals(logVerdict.type, "linearizable");
}

/** Every acknowledged entry stands in every copy, at the position that was told. */
async function assertSameLogs(
  cluster: Cluster,
  { log }: Histories,
): Promise<void> {
  const [first = [], ...others] = await until(async () => {
    const logs = await Promise.all(cluster.nodes.map(logOf));
    return new Set(logs.map((one) => one.length)).size === 1 ? logs : null;
  }, { what: "all nodes have applied the same log" });
  for (const other of others) assertEquals(other, first);
  for (const operation of log) {
    if (operation.type !== "completed") continue;
    const { input, output } = operation;
    if (input.type !== "append" || output.type !== "appended") continue;
    assertEquals(first[output.position - 1], input.value);
  }
}

/**
 * Lets clients work through every node while faults strike, and checks what they saw.
 *
 * @param cluster The nodes.
 * @param faults What strikes, one after the other, each with its name.
 */
export async function checkHistories(
  cluster: Cluster,
  faults: readonly Fault[],
): Promise<void> {
  const histories: Histories = { kv: [], log: [] };
  let on = true;
  const isOn = (): boolean => on;
  const clients = cluster.nodes.flatMap((node) => [
    runKvClient(histories, node.id, node, isOn),
    runKvClient(histories, 10 + node.id, node, isOn),
    runLogClient(histories, 20 + node.id, node, isOn),
  ]);
  try {
    for (const [what, strike] of faults) {
      await strike(cluster, histories).catch((cause) => {
        throw new Error(`While ${what}`, { cause });
      });
    }
  } finally {
    on = false;
    await Promise.all(clients);
  }
  await cluster.ready();
  await readAll(cluster, histories);

  assertLinearizable(histories);
  await assertSameLogs(cluster, histories);
}
