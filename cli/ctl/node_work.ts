import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import {
  flag,
  optional,
  type OptionSpec,
  required,
  valueOr,
} from "../options.ts";
import { oneLine } from "../style.ts";
import { secondsType, wordType } from "../text_types.ts";
import { askFirst, YES } from "./confirmation.ts";
import { NODE_TYPE } from "./nodes.ts";
import { pause } from "./pause.ts";
import { stateText } from "./postgres.ts";
import { confirm, ctlCommand, note, type Session } from "./session.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";

const POLL_MS = 200;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WORK_TIMEOUT_MS = 300_000;
/** How long standbys may take to see that their primary has less, once it has been changed. */
const LOWER_TIMEOUT_MS = 30_000;
const COPY_TIMEOUT_MS = 6 * HOUR_MS;

function timeout(timeoutMs: number, words: string): OptionSpec<number> {
  return valueOr(secondsType("TIME", 1, DAY_MS), timeoutMs, {
    short: "t",
    help: "How long it may take",
    fallback: `default ${words}`,
  });
}

async function readMembers({ client }: Session): Promise<Shape[]> {
  const cluster = shape(
    await client.call({
      method: "GET",
      path: "/v1/cluster",
      happensOnce: true,
    }),
  );
  return shapesAt(cluster, "members").filter((one) =>
    textAt(one, "kind") === "data"
  );
}

function isPrimary(member: Shape): boolean {
  return textAt(member, "role") === "primary";
}

interface Work {
  readonly kind: "restart" | "reload" | "reinit";
  readonly inPlace: boolean;
}

/** Asks for it and waits until the node has done it and serves again. */
async function doWork(
  session: Session,
  node: number,
  { kind, inPlace }: Work,
): Promise<Shape> {
  const answer = shape(
    await session.client.call({
      method: "POST",
      path: `/v1/nodes/${node}/${kind}`,
      body: inPlace ? { in_place: true } : {},
      happensOnce: false,
      isLong: true,
      lookWith: "pgraft ctl status",
    }),
  );
  const order = numberAt(answer, "order") ?? 0;
  await waitForWork(session, node, order);
  return answer;
}

async function waitForWork(
  session: Session,
  node: number,
  order: number,
): Promise<void> {
  const { signal, timeoutMs } = session;
  const deadlineMs = performance.now() + timeoutMs;
  let told = "";
  while (!signal.aborted) {
    const member = (await readMembers(session)).find((one) =>
      numberAt(one, "id") === node
    );
    const state = member ? stateText(member) : "";
    // A line for each tenth of a copy.
    const step = state.replace(/\d %$/, "");
    if (step !== told) await note(session, `Node ${node}: ${state}`);
    told = step;
    if (member && isDone(member, order)) return;
    if (performance.now() >= deadlineMs) {
      throw new CommandFailure(
        `Node ${node} has not finished in time; it goes on`,
        EXIT.unknown,
        ["pgraft ctl status shows how far it is"],
      );
    }
    await pause(POLL_MS, signal);
  }
  throw new CommandFailure("Interrupted; the node goes on", EXIT.interrupted);
}

/** Whether a node has done what it was asked, and takes part again. */
function isDone(member: Shape, order: number): boolean {
  const asked = shape(member["order"]);
  const id = shown(member, "id");
  if (numberAt(asked, "number") !== order) {
    throw new CommandFailure(
      `Node ${id} was asked for something else meanwhile`,
      EXIT.failure,
    );
  }
  if (textAt(asked, "state") === "refused") {
    throw new CommandFailure(
      oneLine(`Node ${id} refuses: ${shown(asked, "why")}`),
      EXIT.failure,
    );
  }
  const state = textAt(member, "state");
  return textAt(asked, "state") === "done" &&
    (state === "streaming" || state === "running" && isPrimary(member));
}

function waitsFor(
  what: "pending_restart" | "pending_primary",
  member: Shape,
): boolean {
  const pending = shape(member["config"])[what];
  return Array.isArray(pending) && pending.length > 0;
}

async function readWaiting(session: Session): Promise<number[]> {
  const members = await readMembers(session);
  return inOrder(members.filter((one) => waitsFor("pending_restart", one)));
}

/** Standbys first: the primary is switched away from, to one that has been restarted. */
function inOrder(members: readonly Shape[]): number[] {
  return members.toSorted((a, b) => Number(isPrimary(a)) - Number(isPrimary(b)))
    .flatMap((one) => numberAt(one, "id") ?? []);
}

async function doMany(
  session: Session,
  nodes: readonly number[],
  work: Work,
): Promise<number> {
  for (const node of nodes) await doWork(session, node, work);
  return await tellDone(session, nodes, work);
}

/**
 * Standbys may have less of what they must match only once the primary has: they come again after it. One that
 * waits for nothing else comes but then.
 */
async function restartPending(session: Session, work: Work): Promise<number> {
  const done: number[] = [];
  const members = await readMembers(session);
  const lowers = members.some((one) => waitsFor("pending_primary", one));
  for (const node of await readWaiting(session)) {
    await doWork(session, node, work);
    done.push(node);
  }
  if (!lowers) return await tellDone(session, done, work);
  await untilPrimaryHasLess(session);
  for (const node of await readWaiting(session)) {
    await doWork(session, node, work);
    done.push(node);
  }
  return await tellDone(session, [...new Set(done)], work);
}

async function untilPrimaryHasLess(session: Session): Promise<void> {
  const deadlineMs = performance.now() + LOWER_TIMEOUT_MS;
  while (!session.signal.aborted) {
    const members = await readMembers(session);
    if (!members.some((one) => waitsFor("pending_primary", one))) return;
    if (performance.now() >= deadlineMs) {
      throw new CommandFailure(
        "The primary has as much as before of what standbys must match",
        EXIT.failure,
        ["pgraft ctl config show says of what, and whether it was refused"],
      );
    }
    await pause(POLL_MS, session.signal);
  }
  throw new CommandFailure(
    "Interrupted; nothing is half done",
    EXIT.interrupted,
  );
}

async function tellDone(
  session: Session,
  done: readonly number[],
  work: Work,
): Promise<number> {
  const words = DONE_WORDS[work.kind];
  const text = done.length === 0
    ? "No node waits for a restart"
    : done.map((node) => `Node ${node} ${words}`).join("\n");
  await confirm(session, { nodes: done }, text);
  return EXIT.ok;
}

const DONE_WORDS: Readonly<Record<Work["kind"], string>> = {
  restart: "is restarted",
  reload: "has read its configuration again",
  reinit: "has a new copy of the data",
};

function exactlyOne(given: readonly boolean[], words: string): void {
  if (given.filter((one) => one).length === 1) return;
  throw new CommandFailure(`Give one of ${words}`, EXIT.usage);
}

const RESTART: Command = ctlCommand({
  path: "ctl restart",
  summary:
    "Restart PostgreSQL on a node, or on all of them one after the other",
  about: [
    "A primary is switched away from first, so that writes stand still as shortly as in a switchover. " +
    "With --all and --pending standbys come first, and each is waited for. What standbys must match is " +
    "lowered on the way of the change of primary, and then with --pending on the others.",
  ],
  examples: [
    { line: "pgraft ctl restart 2", does: "Node 2 only" },
    {
      line: "pgraft ctl restart --pending",
      does: "All that wait for it after a change of the configuration",
    },
  ],
  options: {
    all: flag({ help: "Every node with PostgreSQL" }),
    pending: flag({ help: "Those whose settings wait for a restart" }),
    inPlace: flag({
      help:
        "Restart a primary as it is, though writes wait until one is open again",
    }),
    timeout: timeout(WORK_TIMEOUT_MS, "5m a node"),
  },
  args: { node: optional(NODE_TYPE, "The node that is meant") },
  run: async ({ options, args: { node } }, session) => {
    const { all, pending, inPlace } = options;
    exactlyOne([node !== null, all, pending], "NODE, --all and --pending");
    const work: Work = { kind: "restart", inPlace };
    if (pending) return await restartPending(session, work);
    const nodes = node !== null ? [node] : inOrder(await readMembers(session));
    return await doMany(session, nodes, work);
  },
});

const RELOAD: Command = ctlCommand({
  path: "ctl reload",
  summary: "Have PostgreSQL on a node read its configuration again",
  examples: [{ line: "pgraft ctl reload --all", does: "On every node" }],
  options: { all: flag({ help: "Every node with PostgreSQL" }) },
  args: { node: optional(NODE_TYPE, "The node that is meant") },
  run: async ({ options: { all }, args: { node } }, session) => {
    exactlyOne([node !== null, all], "NODE and --all");
    const nodes = node !== null ? [node] : inOrder(await readMembers(session));
    return await doMany(session, nodes, { kind: "reload", inPlace: false });
  },
});

const REINIT: Command = ctlCommand({
  path: "ctl reinit",
  summary: "Have a standby take a new copy of the primary's data",
  about: [
    "Its own data is kept beside until the new copy streams, and is then removed. Where commits count " +
    "on it, it waits until they count on others.",
  ],
  examples: [{ line: "pgraft ctl reinit 3 --yes", does: "Node 3 anew" }],
  options: { yes: YES, timeout: timeout(COPY_TIMEOUT_MS, "6h") },
  args: { node: required(NODE_TYPE, "The node that is meant") },
  run: async ({ options: { yes }, args: { node } }, session) => {
    const lines = [
      `The data of node ${node} is replaced by a copy of the primary's.`,
    ];
    await askFirst(session, { lines, yes });
    return await doMany(session, [node], { kind: "reinit", inPlace: false });
  },
});

const MAINTENANCE: Command = ctlCommand({
  path: "ctl maintenance",
  summary: "Begin or end work on a node",
  about: [
    "A node in maintenance is led no clients to by the router and is never primary; it goes on to " +
    "stream and to hold commits. A primary hands its reign over first.",
  ],
  examples: [
    { line: "pgraft ctl maintenance 2 on", does: "Before work on node 2" },
    { line: "pgraft ctl maintenance 2 off", does: "After it" },
  ],
  options: { timeout: timeout(WORK_TIMEOUT_MS, "5m") },
  args: {
    node: required(NODE_TYPE, "The node that is meant"),
    state: required(wordType("STATE", ["on", "off"]), "on or off"),
  },
  run: async ({ args: { node, state } }, session) => {
    const maintenance = state === "on";
    const answer = await session.client.call({
      method: "PUT",
      path: `/v1/nodes/${node}/maintenance`,
      body: { maintenance },
      // Twice is as once.
      happensOnce: true,
      isLong: true,
    });
    const text = maintenance
      ? `Node ${node} is in maintenance`
      : `Node ${node} serves again`;
    await confirm(session, answer, text);
    return EXIT.ok;
  },
});

/** Commands that have a node's PostgreSQL worked on. */
export const NODE_WORK: readonly Command[] = [
  RESTART,
  RELOAD,
  REINIT,
  MAINTENANCE,
];
