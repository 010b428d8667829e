import type { PlantedBug } from "./patch.ts";
import { DRIVER_BUGS } from "./raft_driver.ts";
import { ELECTION_BUGS } from "./raft_elections.ts";
import { MEMBERSHIP_BUGS } from "./raft_membership.ts";
import { READ_BUGS } from "./raft_reads.ts";
import { REPLICATION_BUGS } from "./raft_replication.ts";
import { SNAPSHOT_BUGS } from "./raft_snapshots.ts";

/** Mistakes in the Raft library, each of a kind that was made before. */
export const RAFT_BUGS: readonly PlantedBug[] = [
  ...ELECTION_BUGS,
  ...REPLICATION_BUGS,
  ...READ_BUGS,
  ...MEMBERSHIP_BUGS,
  ...SNAPSHOT_BUGS,
  ...DRIVER_BUGS,
];
