import { assert, assertEquals } from "@std/assert";
import { untilEnded } from "./end_watch.ts";
import { type Made, until, withKit } from "./instance_test_kit.ts";
import { pidsIn } from "./processes.ts";

async function postmasterOf({ instance }: Made): Promise<number> {
  const postmaster = await instance.postmaster();
  assert(postmaster !== null);
  return postmaster.pid;
}

Deno.test("untilEnded() hears of a postmaster's end though none of its processes ends, and endOrphans() ends them (R23)", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a");
    const pid = await postmasterOf(made);
    const heard = untilEnded(pid);
    const others = pidsIn(made.dataDir).filter((each) => each !== pid);
    for (const each of others) Deno.kill(each, "SIGSTOP");
    Deno.kill(pid, "SIGKILL");
    assertEquals(await heard, true);
    assertEquals(
      pidsIn(made.dataDir).filter((each) => each !== pid),
      others,
    );
    await made.instance.endOrphans();
    await until(
      "they have gone",
      async () => !await made.instance.isOccupied(),
    );
  }));

Deno.test("untilEnded() hears of a stop in order, and says so where there is nothing to hear", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a");
    const pid = await postmasterOf(made);
    const heard = untilEnded(pid);
    const [child] = pidsIn(made.dataDir).filter((each) => each !== pid);
    assert(child !== undefined);
    // It can only read, so there is no second end.
    assertEquals(await untilEnded(child), false);
    await made.instance.stop("fast");
    assertEquals(await heard, true);
    assertEquals(await untilEnded(pid), false);
  }));
