import { join } from "node:path";
import type { InstanceOptions } from "../../pg/instance/mod.ts";
import type { NodeConfig } from "../config/mod.ts";

/**
 * Says what a node's PostgreSQL is made of.
 *
 * @param config The node's configuration.
 * @param found What was found on this machine, and where its log goes.
 * @returns The options of its instance.
 */
export function instanceOptions(
  { postgresql, cluster, node }: NodeConfig,
  found: Pick<InstanceOptions, "binaries" | "osUser" | "log">,
): InstanceOptions {
  return {
    ...found,
    dataDir: postgresql.dataDir,
    runDir: join(node.dataDir, "run"),
    listen: postgresql.listen,
    superuser: postgresql.superuser,
    replicationUser: "pgraft_replication",
    clusterName: cluster.name,
    tls: tlsOf(postgresql),
    serverLog: {
      maxBytes: postgresql.serverLogSize,
      files: postgresql.serverLogFiles,
    },
    parameters: postgresql.parameters,
    hbaRules: postgresql.hba,
  };
}

/** All three are set or none. */
function tlsOf(
  { tlsCert, tlsKey, tlsCa }: NodeConfig["postgresql"],
): NonNullable<InstanceOptions["tls"]> | null {
  if (tlsCert === null || tlsKey === null || tlsCa === null) return null;
  return { cert: tlsCert, key: tlsKey, ca: tlsCa };
}
