import {
  freePorts,
  type ManagedProcess,
  startProcess,
  until,
} from "../tests/nodes/mod.ts";
import { join } from "node:path";

/** Nodes under measurement, ours or others'. */
export interface Subject extends AsyncDisposable {
  /** What it is called. */
  readonly name: string;
  /** The processes whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Returns where the leader, or the first node that follows it, answers HTTP. */
  api(role: "leader" | "follower"): Promise<string>;
}

const HOST = "127.0.0.1";
const SIZE = 3;
const ASK_TIMEOUT_MS = 1000;

interface Member {
  readonly name: string;
  readonly api: string;
  readonly peer: string;
  readonly process: ManagedProcess;
}

/**
 * Starts three nodes of etcd with its defaults and waits until they have a leader.
 *
 * @param directory Where their stores go; removed by the caller.
 * @returns The nodes.
 * @throws {Error} When they do not find a leader.
 */
export async function startEtcd(directory: string): Promise<Subject> {
  const members = startMembers(directory);
  const subject: Subject = {
    name: "etcd",
    pids: members.map(({ process }) => process.pid),
    api: (role) =>
      until(() => findRole(members, role), { what: `etcd has a ${role}` }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map(({ process }) => process.kill()));
    },
  };
  try {
    await subject.api("leader");
    return subject;
  } catch (error) {
    const output = members.map(({ process }) => process.output()).join("\n");
    await subject[Symbol.asyncDispose]();
    throw new Error(`etcd did not start\n${output}`, { cause: error });
  }
}

function startMembers(directory: string): Member[] {
  const ports = freePorts(2 * SIZE);
  const places = Array.from({ length: SIZE }, (_, at) => ({
    name: `etcd${at + 1}`,
    api: `${HOST}:${ports[2 * at]}`,
    peer: `${HOST}:${ports[2 * at + 1]}`,
  }));
  const initial = places.map(({ name, peer }) => `${name}=http://${peer}`);
  return places.map((place) => ({
    ...place,
    process: startProcess({
      name: place.name,
      command: "etcd",
      args: [
        `--name=${place.name}`,
        `--data-dir=${join(directory, place.name)}`,
        `--listen-client-urls=http://${place.api}`,
        `--advertise-client-urls=http://${place.api}`,
        `--listen-peer-urls=http://${place.peer}`,
        `--initial-advertise-peer-urls=http://${place.peer}`,
        `--initial-cluster=${initial.join(",")}`,
        "--logger=zap",
        "--log-level=error",
      ],
    }),
  }));
}

async function findRole(
  members: readonly Member[],
  role: "leader" | "follower",
): Promise<string | null> {
  const leading = await Promise.all(members.map(({ api }) => isLeader(api)));
  if (!leading.includes(true)) return null;
  return members[leading.indexOf(role === "leader")]?.api ?? null;
}

async function isLeader(api: string): Promise<boolean> {
  const response = await fetch(`http://${api}/v3/maintenance/status`, {
    method: "POST",
    body: "{}",
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  });
  const { header, leader } = await response.json();
  return header.member_id === leader;
}
