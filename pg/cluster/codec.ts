import type { ClusterCommand } from "./commands.ts";
import { type ClusterState, EMPTY_STATE, NEW_MEMBER } from "./types.ts";

/** Encodes a command for the log. */
export function encodeCommand(command: ClusterCommand): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

/** Decodes what {@linkcode encodeCommand} made. */
export function decodeCommand(bytes: Uint8Array): ClusterCommand {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Encodes the state for a snapshot. */
export function encodeState(state: ClusterState): Uint8Array {
  const plain = { ...state, members: [...state.members.values()] };
  return new TextEncoder().encode(JSON.stringify(plain));
}

/** Decodes what {@linkcode encodeState} made. */
export function decodeState(bytes: Uint8Array): ClusterState {
  const plain = JSON.parse(new TextDecoder().decode(bytes));
  const members: ClusterState["members"] = new Map(
    plain.members.map((member: { id: number }) => [
      member.id,
      { ...NEW_MEMBER, ...member },
    ]),
  );
  return { ...EMPTY_STATE, ...plain, members };
}
