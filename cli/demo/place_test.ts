import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { makePlace, removePlace, sweepPlaces } from "./place.ts";
import { freePorts } from "../../base/mod.ts";
import { beginningOf, processesOf } from "./processes.ts";

Deno.test("sweepPlaces() ends what a killed demo left, and leaves the living ones alone", async () => {
  const [own, living, dead] = [
    await makePlace(),
    await makePlace(),
    await makePlace(),
  ];
  const left = new Deno.Command("sleep", { args: ["600"], cwd: dead }).spawn();
  try {
    // The same process id of another beginning is another process.
    await Deno.writeTextFile(join(dead, "demo.pid"), `${Deno.pid} 1\n`);
    assertEquals(processesOf(dead), [left.pid]);
    const swept = await sweepPlaces(own);
    assert(swept.includes(dead) && !swept.includes(living));
    await left.status;
    assertEquals(beginningOf(left.pid), null);
    assertEquals((await Deno.stat(living)).isDirectory, true);
  } finally {
    await Promise.all([own, living].map(removePlace));
  }
});

Deno.test("freePorts() finds others while some are taken", () => {
  const first = freePorts(15);
  const listeners = first.map((port) =>
    Deno.listen({ hostname: "127.0.0.1", port })
  );
  const second = freePorts(15);
  for (const listener of listeners) listener.close();
  assertEquals(new Set([...first, ...second]).size, 30);
});
