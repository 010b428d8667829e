import { join } from "node:path";
import { startProcess, until } from "../tests/nodes/mod.ts";
import { figure } from "./figures.ts";
import { print } from "./terminal.ts";
import { readUsage } from "./usage.ts";

const HOST = "127.0.0.1";
/** Of memory, for each idle session. */
const BAR_BYTES = 40 * 1024;
/** So many clients connect at once. */
const BATCH = 50;
const CPU_SECONDS = 5;
const KB = 1024;

/** AuthenticationOk and ReadyForQuery: all that a client waits for. */
const WELCOME = Uint8Array.of(
  ...[82, 0, 0, 0, 8, 0, 0, 0, 0],
  ...[90, 0, 0, 0, 5, 73],
);
const STARTUP = Uint8Array.of(
  ...[0, 0, 0, 16, 0, 3, 0, 0, 117, 115, 101, 114, 0, 117, 0, 0],
);

/**
 * Holds many idle sessions through a router before a server that only answers, and measures what each costs.
 *
 * @param count How many.
 */
export async function measureIdle(count: number): Promise<void> {
  const server = Deno.listen({ hostname: HOST, port: 0 });
  const held: Deno.Conn[] = [];
  const serving = serve(server, held);
  await using host = startProcess({
    name: "router",
    command: Deno.execPath(),
    args: [
      "run",
      "-A",
      join(import.meta.dirname ?? ".", "router_host.ts"),
      `${server.addr.port}`,
    ],
  });
  const port = await until(() => Number(host.output().trim()) || null, {
    what: "the router listens",
    vain: () => host.status() ? new Error(host.output()) : null,
  });
  try {
    await connectAll(port, BATCH, held);
    const [before] = await readUsage([host.pid]);
    for (let left = count - BATCH; left > 0; left -= BATCH) {
      await connectAll(port, Math.min(BATCH, left), held);
    }
    const [full] = await readUsage([host.pid]);
    await new Promise((resolve) => setTimeout(resolve, CPU_SECONDS * 1000));
    const [after] = await readUsage([host.pid]);
    const bytes = ((full?.residentBytes ?? NaN) -
      (before?.residentBytes ?? NaN)) / (count - BATCH);
    const cores = ((after?.cpuSeconds ?? NaN) - (full?.cpuSeconds ?? NaN)) /
      CPU_SECONDS;
    await print(
      `${count} idle sessions held\n` +
        `memory of one  ${figure(bytes / KB, 1)} KB (bar ${
          BAR_BYTES / KB
        } KB): ${bytes <= BAR_BYTES ? "reached" : "missed"}\n` +
        `the process    ${figure((full?.residentBytes ?? NaN) / KB / KB)} MB, ${
          figure(cores * 100, 1)
        } % of a core while they are idle\n`,
    );
  } finally {
    for (const conn of held) conn.close();
    server.close();
    await serving;
  }
}

async function serve(
  server: Deno.TcpListener,
  held: Deno.Conn[],
): Promise<void> {
  const chunk = new Uint8Array(64);
  for await (const conn of server) {
    held.push(conn);
    await conn.read(chunk);
    await conn.write(WELCOME);
  }
}

async function connectAll(
  port: number,
  count: number,
  held: Deno.Conn[],
): Promise<void> {
  await Promise.all(Array.from({ length: count }, async () => {
    const conn = await Deno.connect({ hostname: HOST, port });
    held.push(conn);
    await conn.write(STARTUP);
    await conn.read(new Uint8Array(64));
  }));
}
