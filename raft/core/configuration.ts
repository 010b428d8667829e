import { invariant, present } from "../../base/mod.ts";
import type {
  Configuration,
  Incarnation,
  Index,
  Member,
  NodeId,
} from "./types.ts";

/** A change of membership: one at a time, each moves at most one voter. */
export type ConfigurationChange =
  | {
    readonly kind: "add";
    readonly id: NodeId;
    readonly incarnation: Incarnation;
    readonly address: string;
    /** What the new learner becomes once it has caught up. */
    readonly promoteTo: "voter" | "witness" | null;
  }
  | { readonly kind: "remove"; readonly id: NodeId }
  | {
    readonly kind: "promote";
    readonly id: NodeId;
    readonly role: "voter" | "witness";
  }
  | { readonly kind: "move"; readonly id: NodeId; readonly address: string }
  | { readonly kind: "lease_reads"; readonly enabled: boolean };

/** Why a change of membership was refused. */
export type ChangeRefusal =
  | "not_leader"
  | "not_ready"
  | "change_pending"
  | "transferring"
  | "stale"
  | "duplicate_member"
  | "too_many_members"
  | "unknown_member"
  | "not_a_learner"
  | "not_caught_up"
  | "last_voter"
  | "would_lose_quorum";

/** A configuration without members: that of a node that has heard of nobody yet. */
export const EMPTY_CONFIGURATION: Configuration = {
  members: [],
  leaseReads: false,
};

/** The largest number of members, so that loops over them stay short. */
export const MAX_MEMBERS = 31;

/** Who votes: the ids of voters and witnesses. */
export function votersOf(configuration: Configuration): NodeId[] {
  const voters: NodeId[] = [];
  for (const member of configuration.members) {
    if (member.role !== "learner") voters.push(member.id);
  }
  return voters;
}

/** The member with an id, or undefined. */
export function memberOf(
  configuration: Configuration,
  id: NodeId,
): Member | undefined {
  for (const member of configuration.members) {
    if (member.id === id) return member;
  }
  return undefined;
}

/**
 * Applies a change to a configuration.
 *
 * @param configuration The one in force; not changed.
 * @param change What to do.
 * @returns The new configuration, or why there is none.
 */
export function changeConfiguration(
  configuration: Configuration,
  change: ConfigurationChange,
): Configuration | ChangeRefusal {
  if (change.kind === "lease_reads") {
    return { ...configuration, leaseReads: change.enabled };
  }
  const existing = memberOf(configuration, change.id);
  if (change.kind === "add") {
    if (existing) return "duplicate_member";
    if (configuration.members.length >= MAX_MEMBERS) return "too_many_members";
    const { kind: _, ...fields } = change;
    return withMember(configuration, { ...fields, role: "learner" });
  }
  if (!existing) return "unknown_member";
  switch (change.kind) {
    case "remove":
      return withoutMember(configuration, existing);
    case "promote":
      if (existing.role !== "learner") return "not_a_learner";
      return withMember(configuration, {
        ...existing,
        role: change.role,
        promoteTo: null,
      });
    case "move":
      return withMember(configuration, {
        ...existing,
        address: change.address,
      });
  }
}

function withMember(
  configuration: Configuration,
  member: Member,
): Configuration {
  const others = configuration.members.filter((m) => m.id !== member.id);
  const members = [...others, member].sort((a, b) => a.id - b.id);
  return { ...configuration, members };
}

function withoutMember(
  configuration: Configuration,
  member: Member,
): Configuration | ChangeRefusal {
  const voters = votersOf(configuration);
  if (voters.length === 1 && voters[0] === member.id) return "last_voter";
  const members = configuration.members.filter((m) => m.id !== member.id);
  return { ...configuration, members };
}

/** Encodes a configuration for its entry. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(configuration));
}

/** Decodes what {@linkcode encodeConfiguration} made. */
export function decodeConfiguration(data: Uint8Array): Configuration {
  return JSON.parse(new TextDecoder().decode(data));
}

/** A configuration and the index of its entry. */
export interface ConfigurationAt {
  readonly index: Index;
  readonly configuration: Configuration;
}

/**
 * The configurations since the newest snapshot: the last is in force, older ones come back when its
 * entry is truncated, and the next snapshot asks for the one at its own index. Never empty.
 */
export type ConfigurationHistory = ConfigurationAt[];

/** The configuration in force: the newest in the log, committed or not (paper §6). */
export function latestConfiguration(
  history: ConfigurationHistory,
): ConfigurationAt {
  return present(history[history.length - 1], "the latest configuration");
}

/** The newest configuration made at or before `index`. */
export function configurationAt(
  history: ConfigurationHistory,
  index: Index,
): ConfigurationAt {
  for (let i = history.length - 1; i > 0; i--) {
    const at = present(history[i], "a configuration");
    if (at.index <= index) return at;
  }
  return present(history[0], "the oldest configuration");
}

/** Forgets configurations whose entries, from `index` on, were truncated. */
export function truncateConfigurations(
  history: ConfigurationHistory,
  index: Index,
): void {
  while (latestConfiguration(history).index >= index) {
    history.pop();
    invariant(history.length > 0, "a committed configuration was truncated");
  }
}

/** Forgets configurations before the one at `index`, where a snapshot now begins. */
export function compactConfigurations(
  history: ConfigurationHistory,
  index: Index,
): void {
  while (history.length > 1 && present(history[1], "it").index <= index) {
    history.shift();
  }
}
