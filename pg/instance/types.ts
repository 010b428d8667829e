import type { Clock, HostPort, Lsn } from "../../base/mod.ts";
import type { Binaries } from "./binaries.ts";
import type { OwnConnection } from "./connection.ts";
import type { ControlState } from "./control_file.ts";
import type { OsUser } from "./os_user.ts";

/** Takes a line for the log. */
export type InstanceLog = (
  level: "debug" | "info" | "warning" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** A line of the users' own for pg_hba.conf. */
export interface HbaRule {
  /** What the rule is called; it stands above the line as a comment. */
  readonly name: string;
  /** One line as pg_hba.conf has it. */
  readonly rule: string;
}

/** What an instance is made of. */
export interface InstanceOptions {
  /** PostgreSQL's programs. */
  readonly binaries: Binaries;
  /** Who runs them; null for this process's own user. */
  readonly osUser: OsUser | null;
  /** PGDATA. */
  readonly dataDir: string;
  /** pgraft's own directory for this instance; it is made if missing. */
  readonly runDir: string;
  /** Where PostgreSQL listens. */
  readonly listen: HostPort;
  /** The role that pgraft works as, over the local socket. */
  readonly superuser: string;
  /** The role that standbys and pg_rewind connect as. */
  readonly replicationUser: string;
  /** Shown by PostgreSQL in the process list. */
  readonly clusterName: string;
  /**
   * Whose time deadlines are measured in.
   *
   * @default {systemClock()}
   */
  readonly clock?: Clock;
  /**
   * Certificates, as PEM files; replication then goes over TLS only.
   *
   * @default {null}
   */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** Who signs the certificates of the others. */
    readonly ca: string;
  } | null;
  /**
   * When the server's log is put aside, and how many files there are of it.
   *
   * @default {16 MB, 5}
   */
  readonly serverLog?: {
    readonly maxBytes: number;
    readonly files: number;
  };
  /** The users' own parameters. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The users' own lines for pg_hba.conf, in order. */
  readonly hbaRules: readonly HbaRule[];
  /** Takes a line for the log. */
  readonly log: InstanceLog;
}

/** What a data directory is, seen without starting anything. */
export type DataState =
  | { readonly kind: "empty" }
  | PresentData
  | {
    readonly kind: "unusable";
    /** Why, and what to do about it. */
    readonly reason: string;
  };

/** A data directory that PostgreSQL can start from. */
export interface PresentData {
  readonly kind: "present";
  /** Which cluster the data belongs to; decimal. */
  readonly systemId: string;
  /** The major version that wrote it. */
  readonly major: number;
  /** How the server was left. */
  readonly controlState: ControlState;
  /** The timeline of the last checkpoint; the server may be on a later one. */
  readonly timeline: number;
  /** Where the last checkpoint stands; WAL goes further. */
  readonly checkpointLsn: Lsn;
  /** How far recovery must go before the data is consistent. */
  readonly minRecoveryLsn: Lsn;
  /** The timeline of that position; 0 when there is none. */
  readonly minRecoveryTimeline: number;
  /** How long a file of WAL is. */
  readonly segmentBytes: number;
  /** Whether data pages carry checksums. */
  readonly hasChecksums: boolean;
  /** Whether hint bits are logged. */
  readonly walLogHints: boolean;
}

/** Whom a standby follows. */
export interface Upstream {
  /** Where it listens. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** How this standby is called in the rule (R3). */
  readonly applicationName: string;
  /** Its slot there. */
  readonly slotName: string;
}

/** What the files of an instance are to say. */
export interface Rendering {
  /** Whom to follow; null for nobody (R12). */
  readonly upstream: Upstream | null;
  /** Goes into the password file and nowhere else. */
  readonly replicationPassword: string;
  /** The rule, as PostgreSQL reads it (R5). */
  readonly synchronousStandbyNames: string;
  /** Whether clients get in (R22). */
  readonly hba: "closed" | "open";
  /** Further owned settings; they win over the built-in ones. */
  readonly owned: ReadonlyMap<string, string>;
}

/** The walreceiver of a standby. */
export interface ReceiverView {
  /** Such as `streaming`. */
  readonly status: string;
  /** When the last message arrived, by the server's clock; null before the first. */
  readonly lastMessageAt: string | null;
  /** How long ago that was by the server's clock, which may jump. */
  readonly heardAgoMs: number | null;
  /** The timeline it receives. */
  readonly receivedTli: number;
  /** Whom it receives from. */
  readonly senderHost: string | null;
  /** That one's port. */
  readonly senderPort: number | null;
  /** The upstream's position that it last heard of. */
  readonly latestEndLsn: Lsn | null;
}

/** One who streams from here. */
export interface ReplicationView {
  /** Its application_name. */
  readonly name: string;
  /** Such as `streaming`. */
  readonly state: string;
  /** What it has on disk. */
  readonly flushLsn: Lsn | null;
  /** What it has replayed. */
  readonly replayLsn: Lsn | null;
  /** The walsender's process. */
  readonly pid: number;
}

/** An owned setting that the server has otherwise. */
export interface Drift {
  /** Its name. */
  readonly name: string;
  /** What was rendered last. */
  readonly expected: string;
  /** What the server has. */
  readonly actual: string;
}

/** One look at a running server. */
export interface ServerView {
  /** Whether it is a standby. */
  readonly inRecovery: boolean;
  /** On a primary the one it writes; on a standby the newest that it is known to have reached. */
  readonly timeline: number;
  /** What a standby has on disk since it last connected; may be behind `replayLsn` (T12). */
  readonly receiveLsn: Lsn | null;
  /** What a standby has replayed. */
  readonly replayLsn: Lsn | null;
  /** What a primary has on disk. */
  readonly flushLsn: Lsn | null;
  /** A standby's walreceiver; null when there is none. */
  readonly receiver: ReceiverView | null;
  /** R13: whether the startup process waits for more WAL. */
  readonly startupWaits: boolean;
  /** Whether somebody has paused replay. */
  readonly replayPaused: boolean;
  /** Who streams from here. */
  readonly replication: readonly ReplicationView[];
  /** Client sessions other than ours. */
  readonly sessions: number;
  /** Sessions that wait for standbys to confirm. */
  readonly syncWaiters: number;
  /** The owned settings as the server has them. */
  readonly settings: ReadonlyMap<string, string>;
  /** R27: those that differ from what was rendered last; also between a rendering and its reload. */
  readonly drift: readonly Drift[];
  /** Which cluster the data belongs to. */
  readonly systemId: string;
  /** When the server started, by its own clock. */
  readonly startedAt: string;
  /** When it last read its configuration files, by its own clock. */
  readonly loadedAt: string;
}

/** What a running server makes of its files. */
export interface ConfigurationView {
  /** Settings that differ until a restart. */
  readonly pendingRestart: readonly string[];
  /** Settings that this standby can have less of once its primary has (T30). */
  readonly pendingPrimary: readonly string[];
  /** What it can't take, in its own words; null for nothing. */
  readonly fault: string | null;
}

/** What the write probe found (R9). */
export type ProbeResult =
  | { readonly kind: "ok"; readonly lsn: Lsn }
  | { readonly kind: "alive"; readonly why: string }
  | { readonly kind: "hung"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "gone"; readonly why: string };

/** How to clone. */
export interface CloneOptions {
  /** Where to copy from. */
  readonly source: HostPort;
  /** The password of the replication role. */
  readonly replicationPassword: string;
  /** The cluster that the copy must be of; null takes any. */
  readonly systemId: string | null;
  /**
   * Not the name of a standby in any rule (T10).
   *
   * @default {"pgraft_clone"}
   */
  readonly applicationName?: string;
  /** Whether the former data is kept beside, as `.old`, until `dropOld()`; else it goes first. */
  readonly keepOld: boolean;
  /**
   * Is waited for before anything becomes of the former data.
   *
   * @default {nothing}
   */
  readonly beforeReplacing?: () => Promise<void>;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
  /** Hears how far it is. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /**
   * Has the source's agent send what its {@linkcode Instance.backup} makes, for where there is no
   * pg_basebackup.
   *
   * @default {there is no such way}
   */
  readonly openBackup?: (
    signal: AbortSignal | undefined,
  ) => AsyncIterable<Uint8Array>;
}

/** How a rewind ended. */
export type RewindResult =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly why: string };

/** Whom {@linkcode Instance.startGuard} started. */
export interface Guard {
  /** Ends the guard; PostgreSQL stays. */
  release(): Promise<void>;
}

/** The postmaster that runs in the data directory. */
export interface Postmaster {
  /** Its process. */
  readonly pid: number;
  /** When it began, by the kernel's count; with the pid it names one process for ever. */
  readonly startTime: string;
  /** Whether it listens where this agent can't reach it: somebody else has started it. */
  readonly isForeign: boolean;
}

/** A bound in time. */
export interface Timeout {
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** What there is to adopt, and what stands against it or will change, each in a sentence. */
export type AdoptionSurvey =
  | { readonly kind: "empty" }
  | {
    readonly kind: "present";
    /** While there is one, nothing is adopted. */
    readonly problems: readonly string[];
    readonly changes: readonly string[];
  };

/** What the founder puts into the database that it makes. */
export interface FirstContent {
  /** Its locale; null for C.UTF-8, or C. */
  readonly locale: string | null;
  /** Further options of initdb. */
  readonly initdbOptions: readonly string[];
  /** Null for none. */
  readonly superuserPassword: string | null;
  /** A role that may log in. */
  readonly user: {
    readonly name: string;
    readonly password: string | null;
  } | null;
  /** A database, owned by that role. */
  readonly database: string | null;
  /** Runs in that database, or in `postgres`, in one transaction. */
  readonly sql: { readonly path: string; readonly text: string } | null;
}

/** One local PostgreSQL. */
export interface Instance {
  /** Says what the data directory is, without starting anything. */
  inspect(): Promise<DataState>;
  /** Makes a new cluster; a crash in between leaves no directory that looks whole. */
  initialize(options: {
    readonly replicationPassword: string;
    readonly firstContent?: FirstContent;
  }): Promise<{ readonly systemId: string }>;
  /** Makes a stopped database that pgraft did not make one of its own; can be repeated. */
  adopt(options: {
    readonly replicationPassword: string;
    /** Whether it was begun before and may have been cut short. */
    readonly resumes: boolean;
  }): Promise<void>;
  /** The newest timeline that the directory has data of or knows the branch of. */
  newestTimeline(): Promise<number>;
  /** Writes the files that count while the server runs; returns whether anything changed. */
  render(config: Rendering): Promise<boolean>;
  /** R25: has the next start be a closed standby, whoever orders it, whatever was done to the files. */
  keepClosed(): Promise<void>;
  /** Starts as a standby, and resolves when it answers. There is no start as a primary. */
  start(options?: Partial<Timeout>): Promise<void>;
  /** R23: resolves when no process is left. */
  stop(mode: "fast" | "immediate", options?: Partial<Timeout>): Promise<void>;
  /**
   * Makes the server read its files again, and resolves when new sessions are under them; at once where
   * the caller sees to it itself that they are. Throws where users' rules for pg_hba are wrong; that keeps
   * the server from the rules but not `of` its settings, and is told then.
   *
   * @returns What is wrong with the rules; null for nothing, or where it was not waited for.
   */
  reload(
    options?: Partial<Timeout> & {
      readonly settle?: boolean;
      readonly of?: "settings";
    },
  ): Promise<string | null>;
  /** Whether a standby receives, or may be about to: also while a walreceiver only starts (T13). */
  mayReceive(options: Timeout): Promise<boolean>;
  /** The postmaster that runs in the data directory, whoever started it. */
  postmaster(): Promise<Postmaster | null>;
  /** Resolves with true as soon as a postmaster has ended; with false at once where that can't be heard. */
  untilEnded(pid: number): Promise<boolean>;
  /** R23: whether processes have their working directory in the data directory. */
  isOccupied(): Promise<boolean>;
  /** Kills those, where there is no postmaster; only while nothing is being started. */
  endOrphans(): Promise<void>;
  /** One look by one query. */
  observe(options: Timeout): Promise<ServerView>;
  /** Runs one statement on a kept connection; it must bear to run twice, where the connection breaks. */
  query<T>(
    text: string,
    params?: readonly unknown[],
    options?: Partial<Timeout> & { readonly connection?: "control" | "probe" },
  ): Promise<T[]>;
  /** R9: the write probe. Never rejects. */
  probe(options: Timeout): Promise<ProbeResult>;
  /** R20: commits synchronously; resolves when standbys have confirmed, rejects at the deadline. */
  barrier(options: Timeout): Promise<{ readonly lsn: Lsn }>;
  /** T8, R20: whether a synchronous commit was seen waiting. */
  seenWaiting(options: Timeout): Promise<boolean>;
  /** R19: promotes, and resolves when the server takes writes. */
  promote(options: Timeout): Promise<void>;
  /**
   * T30: as {@linkcode Instance.promote}, to a timeline, by a start that lets nobody in before it takes writes and
   * therefore need not have as much as the log asks for of the settings that it is to have less of.
   */
  promoteLowered(
    options: Timeout & { readonly timeline: number },
  ): Promise<void>;
  /** T30: settings of which the log asks for more than a standby here, so that only a primary can have less. */
  settingsToLower(): Promise<string[]>;
  /** R22: ends all sessions but ours and walsenders; returns how many are left. */
  endSessions(options: Timeout): Promise<number>;
  /** Ends the walsenders of these application names. */
  endWalSenders(names: readonly string[]): Promise<void>;
  /** Takes other parameters of the users; returns whether the files changed. A reload is the caller's. */
  configure(parameters: ReadonlyMap<string, string>): Promise<boolean>;
  /** Why PostgreSQL would not take parameters, in its own words; null when it would. Needs no server. */
  checkParameters(
    parameters: ReadonlyMap<string, string>,
  ): Promise<string | null>;
  /** Which parameters wait for a restart, and which could not be taken. */
  viewConfiguration(options: Timeout): Promise<ConfigurationView>;
  /** T30: settings of which a standby has less than its primary. */
  settingsShort(options: Timeout): Promise<string[]>;
  /** Makes a checkpoint. */
  checkpoint(options: Timeout): Promise<void>;
  /** Makes sure that there is a checkpoint on a primary's own timeline, which its promotion may not have made. */
  ensureCheckpoint(options: Timeout): Promise<void>;
  /** Makes the slots that are missing, drops pgraft's idle ones that are not wanted. */
  setSlots(wanted: readonly string[]): Promise<void>;
  /** On a primary whose data was adopted: makes the replication role, or gives it this password. */
  ensureReplicationRole(
    options: Timeout & { readonly password: string },
  ): Promise<void>;
  /** R17: makes the next promotion take this timeline. */
  layFillers(target: number): Promise<void>;
  /** R17: removes the fillers that lead to no real timeline. */
  removeFillers(): Promise<void>;
  /**
   * R14: the timeline on which this directory's log reaches a position, by the files of the log: what
   * the server says of its timeline may be of before its last checkpoint. Null when no file has it.
   */
  timelineAt(lsn: Lsn): Promise<number | null>;
  /** Where a timeline branched off; null when this directory does not know. */
  history(
    tli: number,
  ): Promise<{ readonly parent: number; readonly switchLsn: Lsn } | null>;
  /** Copies another server's data into place. */
  clone(options: CloneOptions): Promise<void>;
  /**
   * Makes a copy of this primary's data for another node's `clone`; it is made as it is read, and given up
   * when it is cancelled.
   */
  backup(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Removes what `clone` kept. */
  dropOld(): Promise<void>;
  /** R29: takes back what the source does not have. */
  rewind(options: {
    readonly source: HostPort;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<RewindResult>;
  /** R29: counts what a rewind or clone gives up; null when it cannot be counted. */
  countGivenUp(
    timeline: number,
    from: Lsn,
  ): Promise<{ readonly bytes: number; readonly commits: number } | null>;
  /** Renames the data directory; returns its new path. */
  moveAside(suffix: string): Promise<string>;
  /** R8: starts the guard, which takes over from any earlier one. */
  startGuard(options: { readonly graceMs: number }): Promise<Guard>;
  /** Writes which copy the data directory is; the mark goes wherever the data goes (R3). */
  writeMark(mark: string): Promise<void>;
  /** Reads that; null where there is none. */
  readMark(): Promise<string | null>;
  /** Puts the server's log aside when it has grown; returns whether it did. */
  rotateLog(): Promise<boolean>;
  /** How long the server's log is now. */
  logBytes(): Promise<number>;
  /** Why the stream can never go on, from what the log says since a place in it; null for no reason. */
  brokenStream(sinceBytes: number): Promise<string | null>;
  /** Calls `listener` when the server ends a kept connection, as it does when it goes. */
  onConnectionLost(listener: () => void): void;
  /** What is free for the data directory; null when the disk does not say in time. */
  diskFreeBytes(): Promise<number | null>;
  /** The directory of the server's socket, which only its OS user can enter. */
  socketDir(): Promise<string>;
  /** Has the server show settings of others, once `keepClosed` has written them and it has read its files. */
  setPlaceholders(settings: ReadonlyMap<string, string>): Promise<boolean>;
  /** Opens a connection of its own; whoever opens it ends it. */
  open(
    options: Timeout & {
      readonly settings?: Readonly<Record<string, string>>;
      /** @default {"postgres"} */
      readonly database?: string;
      /** @default {the superuser} */
      readonly user?: string;
    },
  ): Promise<OwnConnection>;
  /** Lets go of connections; PostgreSQL stays. */
  close(): Promise<void>;
}
