import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import {
  ALONE,
  following,
  hasCaughtUp,
  isStreaming,
  LIMIT_MS,
  type Made,
  readRows,
  until,
  withKit,
  writeRow,
} from "./instance_test_kit.ts";
import { type InstanceError, isUnseenStandby } from "./mod.ts";

const LIMIT = { timeoutMs: LIMIT_MS };
const HIGH = new Map([
  ["max_connections", "130"],
  ["max_prepared_transactions", "5"],
]);

async function settingOf({ instance }: Made, name: string): Promise<number> {
  const [row] = await instance.query<{ value: string }>(
    "select current_setting($1) as value",
    [name],
  );
  return Number(row?.value);
}

/** Starts it anew as a standby that nobody is followed by or follows. */
async function startAnew({ instance }: Made): Promise<void> {
  await instance.stop("fast");
  await instance.render(ALONE);
  await instance.start();
}

Deno.test("promoteLowered() lowers what standbys must match, and loses nothing (T30)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", { parameters: HIGH });
    await writeRow(a, 1);
    await a.instance.configure(new Map());
    assertEquals(await a.instance.settingsToLower(), [
      "max_connections",
      "max_prepared_transactions",
    ]);
    await startAnew(a);
    assertEquals(await settingOf(a, "max_connections"), 130);
    await a.instance.promoteLowered({ timeline: 9, ...LIMIT });
    assertEquals(await settingOf(a, "max_connections"), 100);
    assertEquals(await a.instance.settingsToLower(), []);
    assertEquals((await a.instance.observe(LIMIT)).timeline, 9);
    await Deno.stat(join(a.dataDir, "standby.signal"));
    await writeRow(a, 2);
    await startAnew(a);
    assertEquals(await settingOf(a, "max_connections"), 100);
    assertEquals(await readRows(a), [1, 2]);
  }));

Deno.test("a standby waits for its primary to have less, then for a restart (T30)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", { parameters: HIGH });
    const b = await kit.standby("b", a, { parameters: HIGH });
    const names = [...HIGH.keys()];
    for (const { instance } of [a, b]) {
      await instance.configure(new Map());
      await instance.reload();
    }
    const pendingOf = async (made: Made): Promise<readonly string[][]> => {
      const seen = await made.instance.viewConfiguration(LIMIT);
      return [[...seen.pendingRestart], [...seen.pendingPrimary]];
    };
    assertEquals(await pendingOf(a), [names, []]);
    assertEquals(await pendingOf(b), [[], names]);
    await startAnew(a);
    await a.instance.promoteLowered({ timeline: 9, ...LIMIT });
    await writeRow(a, 1);
    await until("b streams again", () => isStreaming(b));
    await until("b has the row", () => hasCaughtUp(b, a));
    await a.instance.reload();
    await until("a has read its files again", async () => {
      const [row] = await a.instance.query<{ pending: boolean }>(
        "select pending_restart as pending from pg_settings where name = 'hot_standby'",
      );
      return row?.pending === true;
    });
    assertEquals(await pendingOf(a), [[], []]);
    assertEquals(await pendingOf(b), [names, []]);
    await b.instance.stop("fast");
    await b.instance.render(following(a, "b"));
    await b.instance.start();
    assertEquals(await settingOf(b, "max_connections"), 100);
    assertEquals(await pendingOf(b), [[], []]);
    await until("b streams with less", () => isStreaming(b));
  }));

Deno.test("a promotion with less that is cut short is seen, and the next start is as before (T30)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", { parameters: HIGH });
    await writeRow(a, 1);
    await a.instance.configure(new Map());
    await startAnew(a);
    // A timeline that was granted before is refused when the server runs already.
    await assertRejects(() =>
      a.instance.promoteLowered({ timeline: 2, ...LIMIT })
    );
    const error = await assertRejects(() =>
      a.instance.observe(LIMIT)
    ) as InstanceError;
    assert(isUnseenStandby(error), error.message);
    await a.instance.stop("immediate");
    await a.instance.start();
    assertEquals(await settingOf(a, "max_connections"), 130);
    assertEquals(await readRows(a), [1]);
    assert((await a.instance.observe(LIMIT)).inRecovery);
  }));

Deno.test("what the data does not come up with is not lowered, and nothing is lost (T30)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", { parameters: HIGH });
    await writeRow(a, 1);
    await a.instance.query(
      "begin; insert into t values (2); prepare transaction 'open'",
    );
    await a.instance.configure(new Map());
    await startAnew(a);
    await assertRejects(
      () => a.instance.promoteLowered({ timeline: 9, ...LIMIT }),
      Error,
      "max_prepared_transactions",
    );
    await a.instance.start();
    await a.instance.layFillers(9);
    await a.instance.promote(LIMIT);
    assertEquals(await settingOf(a, "max_prepared_transactions"), 5);
    await a.instance.query("commit prepared 'open'");
    assertEquals(await readRows(a), [1, 2]);
  }));
