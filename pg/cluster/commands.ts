import type {
  AttemptKind,
  CatchUp,
  ClusterSettings,
  Copy,
  Epoch,
  Incarnation,
  LossReason,
  Lsn,
  MemberId,
  OrderKind,
  OrderOutcome,
  Rule,
  SealedAt,
  SyncMode,
  Tags,
  Timeline,
} from "./types.ts";

/** What an agent tells about its member. */
export interface RegisterCommand {
  readonly type: "register";
  readonly id: MemberId;
  readonly host: string;
  readonly port: number;
  readonly version: string;
  /** What the founders' files say of the mode; counts until it was set. */
  readonly mode: SyncMode;
}

/** One member shall make the database. */
export interface AppointCommand {
  readonly type: "appoint";
  readonly founder: MemberId;
  /** The attempt that this one follows. */
  readonly after: number;
}

/** The founder has made it: epoch 1 is granted to it (R34). */
export interface FoundCommand {
  readonly type: "found";
  readonly founder: MemberId;
  readonly attempt: number;
  readonly systemId: string;
  readonly incarnation: Incarnation;
  readonly replicationPassword: string;
  /** The founder's own parameters: the first version of everybody's. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What its file says that mode `off` may lose; absent in entries that are older than its being kept here. */
  readonly maximumLagBytes?: number;
  /** The one that it shall reign on, above all that its files know; absent for the second. */
  readonly timeline?: Timeline;
  /** Whether it was there before. */
  readonly isAdopted?: boolean;
  readonly atMs: number;
}

/** A reign ends: every data member shall seal (R11). */
export interface AttemptCommand {
  readonly type: "attempt";
  readonly epoch: Epoch;
  /** The phase that this one follows, so that two leaders' decisions do not add up (R10). */
  readonly expected: { readonly kind: string; readonly epoch: Epoch };
  readonly attempt: AttemptKind;
  readonly reason: LossReason;
  readonly detail: string;
  readonly lostAtMs: number;
  readonly atMs: number;
}

/** A preferred member streams the difference first (R16). */
export interface CatchUpCommand {
  readonly type: "catch_up";
  readonly epoch: Epoch;
  readonly catchUp: CatchUp | null;
}

/** An attempt is carried on with leave to lose data (R31). */
export interface ForceCommand {
  readonly type: "force";
  readonly epoch: Epoch;
  readonly target: MemberId | null;
  readonly atMs: number;
}

/** What lets an epoch be granted. */
export type Coverage =
  /** Every rule in force is covered by what is sealed (R2). */
  | "covered"
  /** Mode `off`: time is what is relied on (R30). */
  | "time"
  /** An operator gives rules up (R31). */
  | "forced";

/** The winner of an attempt, with everything that its reign needs (R17). */
export interface GrantCommand {
  readonly type: "grant";
  readonly epoch: Epoch;
  readonly winner: Copy;
  readonly timeline: Timeline;
  readonly parent: Epoch;
  readonly startLsn: Lsn;
  readonly standbys: readonly Copy[];
  readonly required: number;
  readonly coverage: Coverage;
  readonly sealed: readonly SealedAt[];
  readonly why: string;
  readonly gaveUp: readonly string[];
  readonly atMs: number;
}

/** The winner has promoted, and where its timeline really branches off. */
export interface PromotedCommand {
  readonly type: "promoted";
  readonly epoch: Epoch;
  readonly winner: Copy;
  readonly switchLsn: Lsn;
  readonly atMs: number;
}

/** The barrier stands: clients may get in, and older rules are retired (R20). */
export interface OpenedCommand {
  readonly type: "opened";
  readonly epoch: Epoch;
  readonly winner: Copy;
  /** The rule that the barrier stood under. */
  readonly rule: number;
  readonly barrierAtMs: number;
  readonly gapMs: number | null;
  readonly atMs: number;
}

/** A rule of the newest epoch is to be followed beside the old one (R18). */
export interface ProposeRuleCommand {
  readonly type: "propose_rule";
  readonly epoch: Epoch;
  /** The rule that it is going to replace. */
  readonly replaces: number;
  readonly standbys: readonly Copy[];
  readonly required: number;
}

/** PostgreSQL follows the new rule, its barrier stands, removed walsenders are gone (R18). */
export interface RetireRulesCommand {
  readonly type: "retire_rules";
  readonly epoch: Epoch;
  readonly primary: Copy;
  /** The rule that stays. */
  readonly rule: number;
}

/** A member has a new data directory, consistent and following (R4). */
export interface EnterCommand {
  readonly type: "enter";
  readonly id: MemberId;
  readonly incarnation: Incarnation;
  /** The one before; null for none. */
  readonly replaces: Incarnation | null;
  readonly epoch: Epoch;
}

/** A standby that was enough times in step counts from now on (R6, R18). */
export interface CountCommand {
  readonly type: "count";
  readonly id: MemberId;
}

/** A member is going to be removed: no rule shall name it. */
export interface LeaveCommand {
  readonly type: "leave";
  readonly id: MemberId;
}

/** A member was removed. */
export interface ForgetCommand {
  readonly type: "forget";
  readonly id: MemberId;
}

/** A member's agent is being stopped and leaves PostgreSQL running, or is back (R8). */
export interface AwayCommand {
  readonly type: "away";
  readonly id: MemberId;
  readonly away: boolean;
}

/** An operator's word on a member. */
export interface TagsCommand {
  readonly type: "tags";
  readonly id: MemberId;
  readonly tags: Tags;
}

/** An operator's word on who must hold a commit, before there is a configuration that says it. */
export interface ModeCommand {
  readonly type: "mode";
  readonly mode: SyncMode;
}

/** Policy acts no more, or again (R33). */
export interface PauseCommand {
  readonly type: "pause";
  readonly paused: boolean;
}

/** A switchover is prepared while the primary serves on (R32). */
export interface HandoverCommand {
  readonly type: "handover";
  readonly epoch: Epoch;
  readonly target: MemberId | null;
}

/** A switchover that could not be prepared is given up; the primary never stopped. */
export interface DropHandoverCommand {
  readonly type: "drop_handover";
  readonly epoch: Epoch;
  readonly number: number;
}

/** An operator changes the configuration of the whole cluster. */
export interface ConfigureCommand {
  readonly type: "configure";
  /** The version that it was decided on. */
  readonly after: number;
  /** All of PostgreSQL's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Absent in entries that are older than its being kept here: then it stays as it is. */
  readonly cluster?: ClusterSettings;
  readonly author: string;
  readonly comment: string;
  readonly atMs: number;
}

/** An operator's word on whether a member is being worked on. */
export interface MaintenanceCommand {
  readonly type: "maintenance";
  readonly id: MemberId;
  readonly maintenance: boolean;
}

/** An operator asks for work on a member. */
export interface OrderCommand {
  readonly type: "order";
  readonly id: MemberId;
  readonly kind: OrderKind;
  readonly inPlace: boolean;
  readonly atMs: number;
}

/** The member's agent has done it, or says why it can't. */
export interface FulfilCommand {
  readonly type: "fulfil";
  readonly id: MemberId;
  readonly number: number;
  readonly outcome: OrderOutcome;
}

/** What a member gave up to follow (R29). */
export interface GaveUpCommand {
  readonly type: "gave_up";
  readonly id: MemberId;
  readonly epoch: Epoch;
  /** Both are null where they could not be counted. */
  readonly bytes: number | null;
  readonly commits: number | null;
}

/** Every change of the replicated state. */
export type ClusterCommand =
  | RegisterCommand
  | AppointCommand
  | FoundCommand
  | AttemptCommand
  | CatchUpCommand
  | ForceCommand
  | GrantCommand
  | PromotedCommand
  | OpenedCommand
  | ProposeRuleCommand
  | RetireRulesCommand
  | EnterCommand
  | CountCommand
  | LeaveCommand
  | ForgetCommand
  | AwayCommand
  | TagsCommand
  | ModeCommand
  | PauseCommand
  | HandoverCommand
  | DropHandoverCommand
  | ConfigureCommand
  | MaintenanceCommand
  | OrderCommand
  | FulfilCommand
  | GaveUpCommand;

/** What became of a command. */
export type CommandResult =
  | { readonly kind: "done" }
  /** It does not fit the state any more; nothing has changed. */
  | { readonly kind: "refused"; readonly why: string };

/** A rule as a command proposes it. */
export type ProposedRule = Pick<Rule, "standbys" | "required">;
