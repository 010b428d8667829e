import { assertMatch } from "@std/assert";
import { examine } from "./examine.ts";

Deno.test("examine() tells who answers, and what the threads of who does not wait for", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("here", { status: 503 }),
  );
  const process = (): { pid: number } => ({ pid: Deno.pid });
  const { port } = server.addr;
  // Nobody listens there.
  const api = "127.0.0.1:1";
  const text = await examine([
    { id: 1, api: `127.0.0.1:${port}`, process },
    { id: 2, api, process },
  ]);
  assertMatch(text, /^node 1 \(process \d+\) answers 503\n/);
  assertMatch(
    text,
    /node 2 \(process \d+\) does not answer; \S+ [RSD] \S+.*, .* [RSD] /,
  );
});
