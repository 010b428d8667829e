import {
  freePorts,
  HIGHEST_FREE_PORT,
  isBlockedPort,
  LOWEST_FREE_PORT,
} from "./ports.ts";
import type { Random } from "./random.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

/** Draws `ports` first, then others. */
function drawing(...ports: number[]): Random & { readonly left: number[] } {
  const span = HIGHEST_FREE_PORT - LOWEST_FREE_PORT + 1;
  const left = ports.map((port) => (port - LOWEST_FREE_PORT + 0.5) / span);
  return { left, next: () => left.shift() ?? Math.random() };
}

Deno.test("freePorts() finds ports that can be bound together, below the ephemeral ones", () => {
  const ports = freePorts(12);

  assertEquals(new Set(ports).size, 12);
  assert(
    ports.every((port) =>
      port >= LOWEST_FREE_PORT && port <= HIGHEST_FREE_PORT
    ),
  );
  for (const port of ports) {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  }
});

Deno.test("freePorts() passes over a port that somebody listens on", () => {
  const [taken = 0] = freePorts(1);
  using _listener = Deno.listen({ hostname: "127.0.0.1", port: taken });
  const random = drawing(taken);

  const [port] = freePorts(1, { random });

  assertEquals(random.left, []);
  assert(port !== taken);
});

Deno.test("freePorts() passes over a port that fetch refuses, and one that its caller says is taken", () => {
  const [taken = 0] = freePorts(1);
  const random = drawing(10_080, taken);

  const [port] = freePorts(1, { random, isTaken: (port) => port === taken });

  assertEquals(random.left, []);
  assert(port !== 10_080 && port !== taken);
});

Deno.test("freePorts() ends where there are none", () => {
  assertThrows(
    () => freePorts(1, { isTaken: () => true }),
    Error,
    "No 1 free ports were found",
  );
});

Deno.test("isBlockedPort() tells the ports that fetch refuses", async () => {
  // Each is refused before anything is sent; a port that is allowed would be connected to.
  for (let port = 1; port <= HIGHEST_FREE_PORT; port++) {
    if (!isBlockedPort(port)) continue;
    await assertRejects(
      () => fetch(`http://127.0.0.1:${port}/`),
      TypeError,
      `port ${port} are blocked`,
    );
  }
});
