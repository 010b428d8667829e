import { join } from "node:path";
import { asOrdinary } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { writeDurably } from "./files.ts";
import type { Place } from "./place.ts";
import { childEnvironment } from "./processes.ts";
import type { Guard } from "./types.ts";
import { within } from "./wait.ts";

const READY_TIMEOUT_MS = 5_000;
const STEP_MS = 100;
/** How long PostgreSQL may take to stop by itself before it is killed. */
const STOP_STEPS = 20;

/**
 * Blocks on its input, which breaks when the agent dies. Unless another guard's token stands in the file by the
 * end of the grace, it stops PostgreSQL as R23 means it: nobody is left in the data directory.
 */
const GUARD_SCRIPT = `
token=$1 file=$2 data=$3 grace=$4 steps=$5
echo ready
read -r word
[ "$word" = release ] && exit 0
taken() { read -r now <"$file" && [ "$now" != "$token" ]; }
inside() {
  ls -ld /proc/[0-9]*/cwd 2>/dev/null | while read -r line; do
    case "$line" in *" -> $data")
      line="\${line%" -> $data"}"
      line="\${line%/cwd}"
      echo "\${line##*/}" ;;
    esac
  done
}
while [ "$grace" -gt 0 ]; do
  taken && exit 0
  sleep 0.1
  grace=$((grace - 1))
done
taken && exit 0
read -r pid <"$data/postmaster.pid"
for each in $(inside); do [ "$each" = "$pid" ] && kill -QUIT "$pid"; done
while [ -n "$(inside)" ] && [ "$steps" -gt 0 ]; do
  sleep 0.1
  steps=$((steps - 1))
done
while each=$(inside) && [ -n "$each" ]; do
  kill -KILL $each
  sleep 0.1
done
`;

async function untilReady(
  place: Place,
  child: Deno.ChildProcess,
): Promise<void> {
  const reader = child.stdout.getReader();
  const first = await within(
    place.clock,
    READY_TIMEOUT_MS,
    reader.read(),
    () => null,
  );
  await reader.cancel();
  if (first !== null && first.done === false) return;
  throw new InstanceError(
    "command_failed",
    "The guard did not start, so nobody would stop PostgreSQL if this agent died: check that /bin/sh runs",
  );
}

/** R8: starts a guard that outlives this process. Its token in the file takes over from any earlier guard. */
export async function startGuard(
  place: Place,
  options: { readonly graceMs: number },
): Promise<Guard> {
  const { osUser } = place.options;
  const token = crypto.randomUUID();
  const takeover = join(place.runDir, "guard.takeover");
  const steps = String(Math.ceil(options.graceMs / STEP_MS));
  const command = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      GUARD_SCRIPT,
      "pgraft-guard",
      token,
      takeover,
      place.dataDir,
      steps,
      String(STOP_STEPS),
    ],
    cwd: "/",
    clearEnv: true,
    env: childEnvironment(),
    ...(osUser === null ? {} : { uid: osUser.uid, gid: osUser.gid }),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // A session of its own, so that what ends the agent's group does not end it.
    detached: true,
  });
  const child = asOrdinary(() => command.spawn());
  child.unref();
  await untilReady(place, child);
  // Only now: were this agent to die in between, the earlier guard would still act.
  await writeDurably(takeover, `${token}\n`, osUser);
  const writer = child.stdin.getWriter();
  return {
    release: async () => {
      try {
        await writer.write(new TextEncoder().encode("release\n"));
        await writer.close();
      } catch {
        // It has ended by itself.
      }
      await child.status;
    },
  };
}
