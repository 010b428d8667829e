import { present } from "../../base/mod.ts";
import { type ManagedProcess, startProcess } from "./process.ts";
import { until } from "./until.ts";

/** A place for one node: a network namespace of its own. */
export interface Host {
  /** Its address, as everybody else sees it. */
  readonly address: string;
  /** The words that start a program there. */
  readonly enter: readonly string[];
}

/** Hosts that all reach each other, and that this process reaches, until they are cut apart. */
export interface HostNetwork extends AsyncDisposable {
  /** The hosts, by the number of their node, from 1. */
  readonly hosts: readonly Host[];
  /** Makes all that one host sends to another vanish; the other way stays open. */
  cut(from: number, to: number): Promise<void>;
  /** Cuts both ways. */
  cutApart(one: number, other: number): Promise<void>;
  /** Ends all cuts. */
  heal(): Promise<void>;
}

const PREFIX = "10.77.0";
const HUB = 254;
const TOOLS = ["ip", "nft", "nsenter", "unshare"];

/** Tells whether this machine lets tests make networks: Linux, root, iproute2 and nftables. */
export function canMakeNetworks(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return TOOLS.every((tool) =>
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].some((folder) => {
      try {
        return Deno.statSync(`${folder}/${tool}`).isFile;
      } catch {
        return false;
      }
    })
  );
}

/**
 * Runs a script with a network of its own around it, which goes when the script does: whatever it sets
 * up there, nobody else sees.
 *
 * @param script The script's path.
 * @returns How it ended, and what it wrote.
 */
export async function runInOwnNetwork(
  script: string,
): Promise<{ success: boolean; output: string }> {
  await using process = startProcess({
    name: script,
    command: "unshare",
    args: ["--net", Deno.execPath(), "run", "-A", script],
  });
  const { success } = await process.ended;
  return { success, output: process.output() };
}

/**
 * Makes hosts in namespaces of their own, on one bridge with this process, which must itself run in a
 * network of its own.
 *
 * @param size How many.
 * @returns The network; what it is made of ends with its scope.
 */
export async function startNetwork(size: number): Promise<HostNetwork> {
  await using stack = new AsyncDisposableStack();
  await run("ip", "link", "set", "lo", "up");
  await run("ip", "link", "add", "hub", "type", "bridge");
  await run("ip", "addr", "add", `${PREFIX}.${HUB}/24`, "dev", "hub");
  await run("ip", "link", "set", "hub", "up");
  const hosts: Host[] = [];
  for (let id = 1; id <= size; id++) {
    // It keeps the namespace alive.
    const holder = stack.use(startProcess({
      name: `network ${id}`,
      command: "unshare",
      args: ["--net", "sleep", "infinity"],
    }));
    hosts.push(await connect(holder, id));
  }
  const ending = stack.move();
  const nft = (id: number, ...words: string[]): Promise<void> =>
    run(...present(hosts[id - 1], `host ${id}`).enter, "nft", ...words);
  const cut = (from: number, to: number): Promise<void> =>
    nft(to, "add", "element", "inet", "cut", "from", `{ ${PREFIX}.${from} }`);
  return {
    hosts,
    cut,
    cutApart: async (one, other) => {
      await cut(one, other);
      await cut(other, one);
    },
    heal: async () => {
      for (const id of hosts.keys()) {
        await nft(id + 1, "flush", "set", "inet", "cut", "from");
      }
    },
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  };
}

/** Gives a namespace its address, and the filter that cuts work by. */
async function connect(holder: ManagedProcess, id: number): Promise<Host> {
  const { pid } = holder;
  await untilApart(pid);
  const enter = ["nsenter", `--net=/proc/${pid}/ns/net`];
  const address = `${PREFIX}.${id}`;
  const port = `port${id}`;
  const peer = ["peer", "name", "eth0", "netns", String(pid)];
  await run("ip", "link", "add", port, "type", "veth", ...peer);
  await run("ip", "link", "set", port, "master", "hub");
  await run("ip", "link", "set", port, "up");
  const within = (...words: string[]): Promise<void> => run(...enter, ...words);
  await within("ip", "link", "set", "lo", "up");
  await within("ip", "addr", "add", `${address}/24`, "dev", "eth0");
  await within("ip", "link", "set", "eth0", "up");
  await within("nft", "add table inet cut");
  await within("nft", "add set inet cut from { type ipv4_addr; }");
  await within(
    "nft",
    "add chain inet cut in { type filter hook input priority 0; }",
  );
  await within("nft", "add rule inet cut in ip saddr @from drop");
  return { address, enter };
}

/** Waits until a process has left this one's network. */
async function untilApart(pid: number): Promise<void> {
  const own = await Deno.readLink("/proc/self/ns/net");
  await until(
    async () => await Deno.readLink(`/proc/${pid}/ns/net`) !== own || null,
    { what: `process ${pid} has a network of its own` },
  );
}

async function run(command = "", ...args: string[]): Promise<void> {
  await using process = startProcess({ name: command, command, args });
  const { success } = await process.ended;
  if (success) return;
  throw new Error(`${[command, ...args].join(" ")}: ${process.output()}`);
}
