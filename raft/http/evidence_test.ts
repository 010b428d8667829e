import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../base/mod.ts";
import { startNode, type TestNode, until, withNodes } from "./test_nodes.ts";

const CHILD = 2;

/** Another process with a node of its own. */
interface Child {
  kill(signal: Deno.Signal): void;
  readonly over: Promise<Deno.CommandStatus>;
}

function spawnNode(port: number, peerAddress: string): Child {
  const door = import.meta.resolve("./mod.ts");
  const program = `
    import { createHttpTransport } from ${JSON.stringify(door)};
    const node = createHttpTransport({
      nodeId: ${CHILD},
      incarnation: 1,
      clusterId: "cluster-a",
      listen: { hostname: "127.0.0.1", port: ${port} },
    });
    await node.start({ message() {}, gone() {}, present() {} });
    node.setPeers(new Map([[1, ${JSON.stringify(peerAddress)}]]));
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  return { kill: (signal) => child.kill(signal), over: child.status };
}

/** Runs with a node here and a node in another process that know each other. */
async function withChild(
  run: (node: TestNode, child: Child, respawn: () => Child) => Promise<void>,
): Promise<void> {
  const children: Child[] = [];
  const port = freePort();
  await withNodes([{}], async (node) => {
    const respawn = (): Child => {
      const child = spawnNode(port, node.address);
      children.push(child);
      return child;
    };
    try {
      const child = respawn();
      node.transport.setPeers(new Map([[CHILD, `127.0.0.1:${port}`]]));
      await until("it is there", () => node.evidence.includes("present 2"));
      await run(node, child, respawn);
    } finally {
      for (const child of children) {
        const status = await Promise.race([child.over, null]);
        if (status === null) child.kill("SIGKILL");
        await child.over;
      }
    }
  });
}

Deno.test("gone is told once when a peer's process is killed, and present when it is back", async () => {
  await withChild(async (node, child, respawn) => {
    assertEquals(node.evidence, ["present 2"]);
    child.kill("SIGKILL");
    await until("it is gone", () => node.evidence.includes("gone 2"));
    await child.over;
    assertEquals(node.evidence, ["present 2", "gone 2"]);
    node.transport.probe(CHILD);
    await until("the probe's answer", () => node.evidence.length === 3);
    assertEquals(node.evidence[2], "gone 2");
    respawn();
    await until("it is back", () => node.evidence.at(-1) === "present 2");
    node.transport.probe(CHILD);
    const told = node.evidence.length;
    await until("the probe's answer", () => node.evidence.length > told);
    assertEquals(node.evidence.at(-1), "present 2");
  });
});

Deno.test("gone is not told of a process that is only frozen", async () => {
  await withChild(async (node, child) => {
    child.kill("SIGSTOP");
    await until("its stream is dropped", () => {
      return node.transport.stats().get(CHILD)?.receivingSinceMs === null;
    });
    node.transport.probe(CHILD);
    await until("the probe's answer", () => node.evidence.length > 1);
    child.kill("SIGCONT");
    await until("its stream stands again", () => {
      return node.transport.stats().get(CHILD)?.receivingSinceMs !== null;
    });
    assert(!node.evidence.includes("gone 2"), node.evidence.join());
  });
});

Deno.test("gone is not told of a peer that was never there, but by a probe", async () => {
  const node = await startNode(1);
  try {
    node.transport.setPeers(new Map([[CHILD, `127.0.0.1:${freePort()}`]]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(node.evidence, []);
    node.transport.probe(CHILD);
    await until("the probe's answer", () => node.evidence.length > 0);
    node.transport.probe(7);
    assertEquals(node.evidence, ["gone 2", "present 7"]);
  } finally {
    await node.transport.stop();
  }
});

Deno.test("gone is told when a peer stops in good order", async () => {
  await withNodes([{}, {}], async (a, b) => {
    a.transport.setPeers(new Map([[2, b.address]]));
    await until("it is there", () => a.evidence.includes("present 2"));
    await b.transport.stop();
    await until("it is gone", () => a.evidence.includes("gone 2"));
  });
});

Deno.test("a node that comes back is received from at once, however patient the wait for it", async () => {
  const LONG_MS = 60_000;
  const limits = { retryMinMs: LONG_MS, retryRefusedMs: LONG_MS };
  const listen = { hostname: "127.0.0.1", port: freePort() };
  await withNodes([{ limits }], async (node) => {
    const came = (): number =>
      node.evidence.filter((each) => each === "present 2").length;
    const first = await startNode(2, { listen });
    node.transport.setPeers(new Map([[2, first.address]]));
    await until("it is there", () => came() === 1);
    await first.transport.stop();
    await until("it is gone", () => node.evidence.includes("gone 2"));
    const back = await startNode(2, { listen });
    try {
      back.transport.setPeers(new Map([[1, node.address]]));
      await until("it is there again", () => came() === 2);
    } finally {
      await back.transport.stop();
    }
  });
});
