import { freePorts, HIGHEST_PORT, LOWEST_PORT } from "./ports.ts";
import { assert, assertEquals } from "@std/assert";

Deno.test("freePorts() finds ports that can be bound together, below the ephemeral ones", () => {
  const ports = freePorts(12);

  assertEquals(new Set(ports).size, 12);
  assert(ports.every((port) => port >= LOWEST_PORT && port <= HIGHEST_PORT));
  for (const port of ports) {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  }
});

Deno.test("freePorts() gives no port twice, also in several calls", () => {
  const [first = 0] = freePorts(1);
  const span = HIGHEST_PORT - LOWEST_PORT + 1;
  const draws = [(first - LOWEST_PORT + 0.5) / span];
  const random = { next: () => draws.shift() ?? Math.random() };

  assert(!freePorts(1, random).includes(first));
  assertEquals(draws, []);
});

Deno.test("freePorts() passes over a port that somebody listens on", () => {
  const [taken = 0] = freePorts(1);
  using _listener = Deno.listen({ hostname: "127.0.0.1", port: taken });
  const span = HIGHEST_PORT - LOWEST_PORT + 1;
  const draws = [(taken - LOWEST_PORT + 0.5) / span];
  const random = { next: () => draws.shift() ?? Math.random() };

  const [port] = freePorts(1, random);

  assertEquals(draws, []);
  assert(port !== taken);
});
