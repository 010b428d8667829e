import type { Clock, HostPort, Random } from "../../base/mod.ts";
import type {
  ClusterCommand,
  ClusterState,
  CommandResult,
  Epoch,
  MemberId,
  SyncMode,
} from "../cluster/mod.ts";
import type { FirstContent, Instance, InstanceLog } from "../instance/mod.ts";
import type { Report, SourceView } from "../policy/mod.ts";

/** What an agent needs of its node. */
export interface AgentPorts {
  /** The replicated state as it is applied here. */
  state(): ClusterState;
  /** Calls `listener` after changes; returns how to end that. */
  onChange(listener: () => void): () => void;
  /** Resolves once everything committed before the call is applied here (R15); rejects in between. */
  confirm(): Promise<void>;
  /** Has a command committed and applied, wherever the leader is. */
  propose(command: ClusterCommand): Promise<CommandResult>;
  /** Tells all members. */
  broadcast(report: Report): void;
  /** Whether a leader with a quorum is known. */
  hasLeader(): boolean;
  /** Whether a member's agent is gone, or has been silent for an election timeout. */
  isAgentLost(id: MemberId): boolean;
  /** Whether a member has told that it streams from the primary of an epoch. */
  isStreaming(id: MemberId, epoch: Epoch): boolean;
  /** Whether a member has told that it waits for a checkpoint of the primary, to be rewound (T17). */
  awaitsCheckpoint(id: MemberId): boolean;
  /** What is heard of the primary of an epoch. */
  sourceOf(id: MemberId, epoch: Epoch): SourceView;
  /** Has another member's agent copy its data, for where there is no pg_basebackup. */
  openBackup(
    from: MemberId,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Uint8Array>;
  /** Milliseconds since 1970, for the history. */
  wallMs(): number;
  /** The server has read its configuration files again, or was looked at for the first time. */
  configurationLoaded(): void;
  /** Whether the server is to show other settings than before; says so once. */
  takeReloadWish(): boolean;
}

/** Settings of an agent. */
export interface AgentOptions {
  readonly id: MemberId;
  readonly instance: Instance;
  readonly ports: AgentPorts;
  /** Where other nodes reach this PostgreSQL. */
  readonly address: HostPort;
  readonly version: string;
  readonly canRewind: boolean;
  /** What this node's file says of the mode; counts at the founding only. */
  readonly mode: SyncMode;
  /** What it says that mode `off` may lose; counts at the founding only. */
  readonly maximumLagBytes: number;
  /** This node's own parameters for PostgreSQL; they count at the founding only. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Whether a database that is there shall be the cluster's first one. */
  readonly adopt: boolean;
  /** Reads what this node's file wants in a database that it makes. */
  readonly firstContent: () => Promise<FirstContent>;
  /** Where the agent keeps what it must not forget. */
  readonly directory: string;
  readonly electionTimeoutMs: number;
  /** How long PostgreSQL may run without an agent (R8). */
  readonly agentGraceMs: number;
  /** Whether PostgreSQL runs on when the agent is stopped. */
  readonly keepOnStop: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: InstanceLog;
}

/** An agent that runs. */
export interface Agent {
  /** Has it look at once. */
  poke(): void;
  /** Ends it in order; PostgreSQL stays or stops as configured. */
  stop(): Promise<void>;
}
