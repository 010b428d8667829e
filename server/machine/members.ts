import type { NodeId } from "../../raft/mod.ts";

/** What a node tells the others about itself. */
export interface MemberInfo {
  readonly id: NodeId;
  readonly name: string;
  /** Where its HTTP API is reached. */
  readonly api: string;
  /** `witness`: without PostgreSQL. */
  readonly kind: "data" | "witness";
  readonly version: string;
}

/** What the nodes told, by id. Part of the replicated state. */
export type MemberTable = Map<NodeId, MemberInfo>;

/** Encodes what a node tells about itself. */
export function encodeMemberInfo(info: MemberInfo): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(info));
}

/** Takes in what a node tells about itself. */
export function applyMemberInfo(table: MemberTable, data: Uint8Array): void {
  const info: MemberInfo = JSON.parse(new TextDecoder().decode(data));
  table.set(info.id, info);
}

/** Encodes the table, one piece a node. */
export function snapshotMembers(table: MemberTable): Uint8Array[] {
  return [...table.values()].map(encodeMemberInfo);
}

/** Whether two nodes' infos say the same. */
export function isSameInfo(a: MemberInfo | undefined, b: MemberInfo): boolean {
  return a !== undefined && a.id === b.id && a.name === b.name &&
    a.api === b.api && a.kind === b.kind && a.version === b.version;
}
