import type { ClusterState } from "../../pg/cluster/mod.ts";
import { syncRaceFixedIn } from "../../pg/instance/mod.ts";
import { Problem } from "../http/mod.ts";

/** R5: a start-up race lets commits through that nobody holds (T9). */
export function refuseSyncRaces({ members }: ClusterState): void {
  for (const { id, version } of members.values()) {
    const fixedIn = syncRaceFixedIn(version);
    if (fixedIn === null) continue;
    throw new Problem(
      "conflict",
      `Node ${id} runs PostgreSQL ${version}, which can lose acknowledged commits at its start; ` +
        `install ${fixedIn} or later there first`,
    );
  }
}
