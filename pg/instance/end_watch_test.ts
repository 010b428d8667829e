import { assert, assertEquals } from "@std/assert";
import { untilEnded } from "./end_watch.ts";
import { type Made, until, withKit } from "./instance_test_kit.ts";
import { pidsIn } from "./processes.ts";

async function postmasterOf({ instance }: Made): Promise<number> {
  const postmaster = await instance.postmaster();
  assert(postmaster !== null);
  return postmaster.pid;
}

function hears(pid: number): () => boolean {
  let isHeard = false;
  void untilEnded(pid).then((heard) => {
    isHeard = heard;
  });
  return () => isHeard;
}

Deno.test("untilEnded() hears of a postmaster's end though a session of its does not end, and endOrphans() ends that (R23)", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a");
    const pid = await postmasterOf(made);
    const heard = hears(pid);
    const [session] = await made.instance.query<{ pid: number }>(
      "select pg_backend_pid() as pid",
    );
    assert(session);
    Deno.kill(session.pid, "SIGSTOP");
    Deno.kill(pid, "SIGKILL");
    await until("its end is heard", heard);
    assert(pidsIn(made.dataDir).includes(session.pid));
    await made.instance.endOrphans();
    await until("it has gone", async () => !await made.instance.isOccupied());
  }));

Deno.test("untilEnded() hears of a stop in order, and says so where there is nothing to hear", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a");
    const pid = await postmasterOf(made);
    const heard = hears(pid);
    const [child] = pidsIn(made.dataDir).filter((each) => each !== pid);
    assert(child !== undefined);
    // It can only read, so there is no second end.
    assertEquals(await untilEnded(child), false);
    await made.instance.stop("fast");
    await until("its end is heard", heard);
    assertEquals(await untilEnded(pid), false);
  }));
