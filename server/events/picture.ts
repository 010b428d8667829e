import type { ClusterState } from "../../pg/cluster/mod.ts";
import type { Leadership } from "../../raft/mod.ts";
import type { ClusterSettings } from "../machine/mod.ts";

/** A member of the Raft group. */
export interface PictureMember {
  readonly id: number;
  readonly role: string;
  readonly address: string;
}

/** What a node hears of a member's PostgreSQL. */
export interface PicturePostgres {
  readonly role: string;
  readonly state: string;
  /** In words; null for nothing. */
  readonly trouble: string | null;
}

/** All of which a change is an event, as one node knows it at a moment. */
export interface Picture {
  readonly stage: string;
  readonly waitingFor: string | null;
  /** Null while the node takes no part. */
  readonly raft: Leadership | null;
  readonly members: readonly PictureMember[];
  readonly cluster: ClusterState;
  readonly settings: ClusterSettings;
  readonly isDiskFull: boolean;
  /** By the member's number. */
  readonly postgres: ReadonlyMap<number, PicturePostgres>;
}
