import { asOrdinary, type Clock, messageOf } from "../../base/mod.ts";
import type { InstanceLog } from "../../pg/instance/mod.ts";
import type { Report, RoleChange, SeenRole } from "../../pg/policy/mod.ts";

/** More of what a command says is not kept. */
const MAX_SAID_BYTES = 4096;
/** How long a stop waits for a command before it is killed. */
const STOP_TIMEOUT_MS = 5000;
/** How long a killed command's output is waited for. */
const SAID_TIMEOUT_MS = 200;

/** What a hook is made of. */
export interface RoleHookOptions {
  /** The program; null for none. */
  readonly command: string | null;
  readonly timeoutMs: number;
  /** What it is told beside the roles. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly wallMs: () => number;
  readonly log: InstanceLog;
}

/** Runs a command when this node's role has changed: beside everything else, which never waits for it. */
export interface RoleHook {
  /** Takes what this node tells of its PostgreSQL. */
  saw(report: Report): void;
  /** How the newest run went; null before the first. */
  last(): RoleChange | null;
  /** Ends it; where PostgreSQL has stopped too, that is told first. */
  stop(isStopped: boolean): Promise<void>;
}

interface Wish {
  readonly role: SeenRole;
  readonly former: SeenRole | null;
  readonly epoch: number;
  readonly timeline: number;
}

/**
 * Makes a hook that has run nothing. One command runs at a time; of roles that change meanwhile only the last
 * counts.
 *
 * @param options The command, and whose time it is measured in.
 * @returns The hook.
 */
export function createRoleHook(options: RoleHookOptions): RoleHook {
  const { command } = options;
  const state: {
    role: SeenRole | null;
    told: SeenRole | null;
    next: Wish | null;
    last: RoleChange | null;
    running: Promise<void> | null;
  } = { role: null, told: null, next: null, last: null, running: null };
  const killing = new AbortController();

  async function work(program: string): Promise<void> {
    for (let wish = state.next; wish !== null; wish = state.next) {
      state.next = null;
      if (killing.signal.aborted || wish.role === state.told) continue;
      const former = state.told;
      state.told = wish.role;
      await run({ ...options, command: program }, { ...wish, former }, {
        signal: killing.signal,
        onNews: (change) => {
          state.last = change;
        },
      });
    }
  }

  function wish(role: SeenRole, epoch: number, timeline: number): void {
    if (command === null || role === state.role) return;
    state.role = role;
    state.next = { role, former: null, epoch, timeline };
    state.running ??= work(command).finally(() => {
      state.running = null;
    });
  }

  return {
    saw(report): void {
      const role = roleOf(report, state.role);
      const epoch = report.primary?.epoch ?? report.following?.epoch ?? 0;
      if (role !== null) wish(role, epoch, report.timeline);
    },
    last: () => state.last,
    async stop(isStopped): Promise<void> {
      if (isStopped) wish("none", 0, 0);
      const timer = options.clock.after(
        STOP_TIMEOUT_MS,
        () => killing.abort(),
      );
      if (!isStopped) killing.abort();
      await state.running;
      timer.cancel();
      killing.abort();
    },
  };
}

/** What clients find there. A winner that has not opened yet is what it was; a primary that closed is none. */
function roleOf(report: Report, former: SeenRole | null): SeenRole | null {
  if (report.role !== "primary") return report.role;
  if (report.primary?.open) return "primary";
  return former === "primary" ? "none" : former;
}

interface Running {
  readonly signal: AbortSignal;
  readonly onNews: (change: RoleChange) => void;
}

async function run(
  options: RoleHookOptions & { readonly command: string },
  wish: Wish,
  { signal, onNews }: Running,
): Promise<void> {
  const { clock, log, command } = options;
  const begunMs = clock.nowMs();
  const begun = { role: wish.role, atMs: options.wallMs() };
  onNews({ ...begun, state: "running", exitCode: null, tookMs: 0, said: "" });
  const end = await spawnAndWait(options, wish, signal);
  const change: RoleChange = {
    ...begun,
    ...end,
    tookMs: Math.round(clock.nowMs() - begunMs),
  };
  onNews(change);
  const { state, exitCode, tookMs, said } = change;
  const isGood = state === "done" && exitCode === 0;
  log(
    isGood ? "info" : "warning",
    isGood
      ? `on_role_change for ${wish.role} is done`
      : `on_role_change (${command}) for ${wish.role} ${troubleWords(change)}`,
    { tookMs, ...(said === "" ? {} : { said }) },
  );
}

/** How a run went wrong, in words. */
export function troubleWords({ state, exitCode, said }: RoleChange): string {
  switch (state) {
    case "timed_out":
      return "did not end in time and was killed: see on_role_change_timeout";
    case "not_started":
      return `could not be run: ${said}`;
    default:
      return `ended with ${exitCode ?? "a signal"}`;
  }
}

type End = Pick<RoleChange, "state" | "exitCode" | "said">;

async function spawnAndWait(
  { command, env, timeoutMs, clock }: RoleHookOptions & {
    readonly command: string;
  },
  { role, former, epoch, timeline }: Wish,
  signal: AbortSignal,
): Promise<End> {
  let child: Deno.ChildProcess;
  try {
    const hook = new Deno.Command(command, {
      args: [role],
      cwd: "/",
      env: {
        ...env,
        PGRAFT_ROLE: role,
        PGRAFT_FORMER_ROLE: former ?? "",
        PGRAFT_EPOCH: String(epoch),
        PGRAFT_TIMELINE: String(timeline),
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // A group of its own, to be ended as a whole.
      detached: true,
    });
    child = asOrdinary(() => hook.spawn());
  } catch (error) {
    return { state: "not_started", exitCode: null, said: messageOf(error) };
  }
  let isLate = false;
  const kill = (): void => {
    try {
      Deno.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const timer = clock.after(timeoutMs, () => {
    isLate = true;
    kill();
  });
  signal.addEventListener("abort", kill);
  if (signal.aborted) kill();
  const said = collect(child.stderr, clock);
  const { code, signal: killedBy } = await child.status;
  timer.cancel();
  signal.removeEventListener("abort", kill);
  return {
    state: isLate ? "timed_out" : "done",
    exitCode: killedBy === null ? code : null,
    said: await said.end(),
  };
}

/** The beginning of what it says; a child of its own may hold the pipe open for ever. */
function collect(
  stream: ReadableStream<Uint8Array>,
  clock: Clock,
): { end(): Promise<string> } {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + decoder.decode(value, { stream: true }))
        .slice(0, MAX_SAID_BYTES);
    }
  })().catch(() => {});
  return {
    async end(): Promise<string> {
      const timer = clock.after(
        SAID_TIMEOUT_MS,
        () => reader.cancel().catch(() => {}),
      );
      await reading;
      timer.cancel();
      return text.trim();
    },
  };
}
