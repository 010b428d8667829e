import type { ClusterState, DataMember, MemberId } from "./types.ts";

/** The state with another record of a member. */
export function patchMember(
  state: ClusterState,
  id: MemberId,
  member: DataMember,
): ClusterState {
  const members = new Map(state.members);
  members.set(id, member);
  return { ...state, members };
}
