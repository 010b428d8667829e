import { messageOf } from "../../base/mod.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { maybeValue, type OptionSpec } from "../options.ts";
import { oneLine } from "../style.ts";
import { secondsType } from "../text_types.ts";
import { pause } from "./pause.ts";
import { ApiFailure } from "./problem.ts";
import type { Session } from "./session.ts";

const DEFAULT_INTERVAL_MS = 2000;
const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 3_600_000;

const CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J";

/** A picture of something at a moment. */
export interface View {
  /** What `--json` prints. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The same for people. */
  readonly text: string;
  /** How the command ends that shows this once. */
  readonly exitCode: number;
}

/** `--watch`, the interval in milliseconds or null. */
export const WATCH: OptionSpec<number | null> = maybeValue(
  secondsType("SECONDS", MIN_INTERVAL_MS, MAX_INTERVAL_MS),
  DEFAULT_INTERVAL_MS,
  {
    short: "w",
    help:
      "Show it again every 2 s or SECONDS until Ctrl-C: anew on a terminal, else as lines of JSON",
  },
);

function errorBody(error: unknown): Readonly<Record<string, unknown>> {
  const problem = error instanceof ApiFailure ? error.problem.body : {};
  return { error: { detail: messageOf(error), ...problem } };
}

/** What is watched may go away and come back: a failure is shown like all else. */
async function lookOrFail(look: () => Promise<View>): Promise<View> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const text = [`pgraft: ${error.message}`, ...error.hints].map(oneLine).join(
      "\n  ",
    );
    return { body: errorBody(error), text, exitCode: error.exitCode };
  }
}

async function showOnce(
  { io, json }: Session,
  look: () => Promise<View>,
): Promise<number> {
  const { body, text, exitCode } = await look();
  await io.out(json ? `${JSON.stringify(body, null, 2)}\n` : `${text}\n`);
  return exitCode;
}

/**
 * Shows something once, or again and again.
 *
 * @param session The session.
 * @param intervalMs The value of {@linkcode WATCH}.
 * @param look Takes a picture of it.
 * @returns The exit code.
 */
export async function show(
  session: Session,
  intervalMs: number | null,
  look: () => Promise<View>,
): Promise<number> {
  if (intervalMs === null) return await showOnce(session, look);
  const { io, json, signal, paint } = session;
  while (!signal.aborted) {
    const { body, text } = await lookOrFail(look);
    if (signal.aborted) break;
    const time = io.now().toISOString();
    const title = paint("dim", `${time}, Ctrl-C ends`);
    await io.out(
      json || !io.outIsTerminal
        ? `${JSON.stringify({ time, ...body })}\n`
        : `${CLEAR_SCREEN}${title}\n\n${text}\n`,
    );
    await pause(intervalMs, signal);
  }
  return EXIT.interrupted;
}
