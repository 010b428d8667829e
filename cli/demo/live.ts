import { messageOf } from "../../base/mod.ts";
import { pause } from "../ctl/pause.ts";
import { EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import { oneLine, painter } from "../style.ts";
import { act, type Done } from "./actions.ts";
import { connectToPrimary } from "./connection.ts";
import { readActions } from "./keys.ts";
import {
  type Action,
  eventLine,
  fitting,
  type Picture,
  pictureLines,
  type ShownEvent,
} from "./screen.ts";
import type { Demo } from "./session.ts";
import { type ClusterView, look } from "./view.ts";
import { verify } from "./writer.ts";

const FRAME_MS = 200;
const VERIFY_EVERY_MS = 3_000;
const CONNECT_TIMEOUT_MS = 500;
/** So many rows after something happened, its gap is over. */
const ROWS_AFTER = 30;

const SHOW = { hideCursor: "\x1b[?25l", showCursor: "\x1b[?25h" } as const;

interface Live {
  readonly demo: Demo;
  readonly io: Io;
  readonly ending: AbortController;
  events: ShownEvent[];
  /** Whether the last event's gap still grows. */
  isMeasuring: boolean;
  /** Who was the primary when the last event began. */
  former: ClusterView["primary"];
  view: ClusterView | null;
  lost: number | null;
  note: string;
  /** What a person has asked for last; null once it is done. */
  acting: Promise<void> | null;
}

/** What has become of the primary since the last event. */
function outcomeOf({ view, former }: Live): string {
  const now = view?.primary ?? null;
  if (now === null) return "";
  return now.epoch === former?.epoch
    ? `node ${now.id} is the primary as before`
    : `node ${now.id} is the primary, in epoch ${now.epoch}`;
}

/** The last event as it stands now. */
function measure(live: Live): ShownEvent | null {
  const { writer } = live.demo;
  const last = live.events.at(-1);
  if (last === undefined || !live.isMeasuring) return null;
  const isOver = writer.sinceMark() >= ROWS_AFTER && outcomeOf(live) !== "";
  const event: ShownEvent = {
    ...last,
    gapMs: writer.gapMs(),
    outcome: isOver ? outcomeOf(live) : "",
  };
  live.events = [...live.events.slice(0, -1), event];
  if (!isOver) return null;
  live.isMeasuring = false;
  return event;
}

function pictureOf({ demo, view, events, lost, note }: Live): Picture {
  const { cluster, writer, programs, root } = demo;
  const { acknowledged, silentMs } = writer.ledger();
  return {
    programs,
    root,
    password: cluster.password,
    nodes: cluster.nodes.map(({ id, ports, condition }) => ({
      id,
      ports,
      condition: condition(),
    })),
    view,
    acknowledged,
    silentMs,
    lost,
    events,
    note,
  };
}

/** Redraws in place, so that nothing flickers. */
async function draw(live: Live): Promise<void> {
  const { io } = live;
  const all = pictureLines(pictureOf(live), painter(io.color));
  const lines = fitting(all, Deno.consoleSize());
  await io.out(
    `\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\r\n\x1b[J`,
  );
}

async function perform(
  live: Live,
  action: Exclude<Action, "quit">,
): Promise<void> {
  live.note = "";
  const { demo: { cluster, writer }, view } = live;
  measure(live);
  live.isMeasuring = false;
  live.former = view?.primary ?? null;
  writer.mark();
  try {
    await take(live, await act(action, cluster.nodes, view));
  } catch (error) {
    live.note = oneLine(messageOf(error));
  } finally {
    live.acting = null;
  }
}

async function take(live: Live, done: Done): Promise<void> {
  if (done.kind === "refused") {
    live.note = oneLine(done.why);
    if (!live.io.outIsTerminal) await live.io.out(`${live.note}\n`);
    return;
  }
  live.events.push({ what: done.what, gapMs: 0, outcome: "" });
  live.isMeasuring = true;
}

async function follow(live: Live): Promise<void> {
  const { demo, io, ending: { signal } } = live;
  while (!signal.aborted) {
    live.view = await look(demo.cluster.nodes);
    const over = measure(live);
    if (io.outIsTerminal) await draw(live);
    else if (over !== null) await io.out(`${eventLine(over)}\n`);
    await pause(FRAME_MS, signal);
  }
}

/** Holds what the primary has against what was acknowledged, again and again. */
async function check(live: Live): Promise<void> {
  const { demo: { cluster, writer }, ending: { signal } } = live;
  while (!signal.aborted) {
    const ledger = writer.ledger();
    const connection = await connectToPrimary(
      cluster.targets,
      CONNECT_TIMEOUT_MS,
    );
    try {
      if (connection !== null) {
        live.lost = (await verify(connection, ledger)).lost;
      }
    } catch {
      // A primary that is lost meanwhile has said nothing about the rows.
    } finally {
      connection?.close();
    }
    await pause(VERIFY_EVERY_MS, signal);
  }
}

async function obey(live: Live): Promise<void> {
  for await (const action of readActions(live.io, live.ending.signal)) {
    if (action === "quit") return live.ending.abort();
    // A key that is pressed while something is done would be about what was there before.
    if (live.acting !== null) continue;
    live.acting = perform(live, action);
    if (!live.io.inIsTerminal) await live.acting;
  }
  // Nobody can type any more: a signal ends it.
  await new Promise<void>((resolve) =>
    live.ending.signal.addEventListener("abort", () => resolve())
  );
}

/**
 * Shows a demo, and does what a person asks for, until it is told to end.
 *
 * @param demo The demo.
 * @param io The world.
 * @param signal Ctrl-C.
 * @returns The exit code.
 */
export async function showLive(
  demo: Demo,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const live: Live = {
    demo,
    io,
    ending,
    events: [],
    isMeasuring: false,
    former: null,
    view: await look(demo.cluster.nodes),
    lost: null,
    note: "",
    acting: null,
  };
  try {
    if (io.outIsTerminal) await io.out(`${SHOW.hideCursor}\x1b[2J`);
    else {
      const lines = pictureLines(pictureOf(live), painter(io.color));
      await io.out(`${lines.join("\n")}\n`);
    }
    await Promise.race([
      Promise.all([follow(live), check(live)]),
      obey(live),
    ]);
    return signal.aborted ? EXIT.interrupted : EXIT.ok;
  } finally {
    ending.abort();
    await live.acting;
    signal.removeEventListener("abort", end);
    if (io.outIsTerminal) await io.out(`${SHOW.showCursor}\n`);
  }
}
