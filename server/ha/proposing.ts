import {
  type ClusterCommand,
  type CommandResult,
  encodeCommand,
} from "../../pg/cluster/mod.ts";
import type { ProposeOptions, RaftServer } from "../../raft/mod.ts";
import { encodePartOperation } from "../machine/mod.ts";

/** Has commands committed. */
export interface Proposer {
  /**
   * Resolves with what became of the command once it is applied here.
   *
   * @throws {RaftError} When it was not committed in time, or nobody knows.
   */
  propose(
    command: ClusterCommand,
    options?: ProposeOptions,
  ): Promise<CommandResult>;
}

/** Makes what proposes to a group. */
export function createProposer(raft: RaftServer): Proposer {
  return {
    async propose(command, options): Promise<CommandResult> {
      const data = encodePartOperation({
        part: "cluster",
        once: null,
        data: encodeCommand(command),
      });
      const { result } = await raft.proposeOperation(
        { kind: "config_change", data },
        options,
      );
      return JSON.parse(new TextDecoder().decode(result));
    },
  };
}
