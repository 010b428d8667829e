import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { makeAuthority, withCertificates } from "../certificates/mod.ts";
import {
  type Cluster,
  type ClusterNode,
  until,
  withCluster,
} from "../nodes/mod.ts";

/** Puts without a pause, through whichever node is up; each must be answered in the end. */
function startPutting(cluster: Cluster): {
  untilPut(more: number): Promise<void>;
  stop(): Promise<void>;
} {
  let puts = 0;
  let isOver = false;
  let failure = "";
  const running = (async () => {
    while (!isOver) {
      await until(async () => {
        const [node] = cluster.up().toSorted(() => Math.random() - 0.5);
        const answer = await node?.client.put("key", String(puts + 1));
        if (answer?.kind === "ok") return true;
        failure = JSON.stringify(answer);
        return null;
      }, { what: "a put is answered" });
      puts += 1;
    }
  })();
  return {
    untilPut: async (more) => {
      const goal = puts + more;
      await until(() => puts >= goal || null, {
        what: `${more} more puts, the last failure being ${failure}`,
      });
    },
    stop: async () => {
      isOver = true;
      await running;
    },
  };
}

async function again(node: ClusterNode): Promise<void> {
  assertEquals(await node.terminate(), 0);
  node.restart();
  await node.ready();
}

Deno.test("a running cluster turns TLS between its peers on, node by node, while it is written to", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const at = (id: number): string => join(directory, `node${id}.conf`);
    const configure = async (
      id: number,
      stage: "clear" | "optional" | "tls",
    ): Promise<void> => {
      const { cert, key } = stage === "clear"
        ? { cert: "", key: "" }
        : await authority.issue(`node${id}`);
      const ca = stage === "clear" ? "" : authority.ca;
      await Deno.writeTextFile(
        at(id),
        `[raft]\ntls_cert = ${cert}\ntls_key = ${key}\ntls_ca = ${ca}\ntls_optional = ${
          stage === "optional"
        }\n`,
      );
    };
    for (const id of [1, 2, 3]) await configure(id, "clear");
    const options = {
      ownFlags: ({ id }: { readonly id: number }) => ({ config: at(id) }),
    };
    await withCluster(options, async (cluster) => {
      const putting = startPutting(cluster);
      for (const stage of ["optional", "tls"] as const) {
        for (const node of cluster.nodes) {
          await configure(node.id, stage);
          await again(node);
          await putting.untilPut(20);
        }
      }
      await putting.stop();
      for (const { raft } of cluster.nodes) {
        const answer = await fetch(`http://${raft}/raft/v1/challenge`)
          .catch(() => null);
        assert(answer === null, "a peer port still speaks in clear");
      }
    });
  }));
