import { latestConfiguration } from "./configuration.ts";
import { lastIndex, lastTerm } from "./log.ts";
import type { Message } from "./messages.ts";
import type { Core } from "./state.ts";
import type { Configuration } from "./types.ts";

/** One line about a node, for traces and failed checks. */
export function describeCore(core: Core): string {
  const { log } = core;
  const log_ = `${log.baseIndex}..${lastIndex(log)}@${lastTerm(log)}`;
  const { configuration } = latestConfiguration(core.configurations);
  return `${core.id} ${core.role} term ${core.term} vote ${core.votedFor} ` +
    `leader ${core.leaderId} commit ${core.commit} log ${log_} ` +
    `durable ${log.stableIndex} members ${
      describeConfiguration(configuration)
    }`;
}

/** A configuration in short: `1 2 3w 4l`. */
export function describeConfiguration(configuration: Configuration): string {
  const suffix = { voter: "", witness: "w", learner: "l" };
  const members = configuration.members.map((m) => `${m.id}${suffix[m.role]}`);
  return `[${members.join(" ")}]${configuration.leaseReads ? " leases" : ""}`;
}

/** One line about a message. */
export function describeMessage(message: Message): string {
  const head = `${message.from}>${message.to} ${message.kind} t${message.term}`;
  switch (message.kind) {
    case "pre_vote":
    case "vote":
      return `${head} log ${message.lastIndex}@${message.lastTerm}` +
        `${message.early ? " early" : ""}${
          message.transfer ? " transfer" : ""
        }`;
    case "pre_vote_response":
    case "vote_response":
      return `${head} ${message.granted ? "granted" : "refused"}`;
    case "append": {
      const { prevIndex, prevTerm, entries, commit } = message;
      return `${head} after ${prevIndex}@${prevTerm} +${entries.length} commit ${commit}`;
    }
    case "append_response":
      return `${head} ${message.ok ? "ok" : "no"} ${message.index}` +
        (message.ok ? "" : ` hint ${message.hintIndex}@${message.hintTerm}`);
    case "heartbeat":
      return `${head} commit ${message.commit} round ${message.round}`;
    case "heartbeat_response":
      return `${head} round ${message.round}`;
    case "snapshot_chunk":
      return `${head} ${message.snapshot.index} bytes ${message.offset}+${message.data.length}`;
    case "snapshot_response":
      return `${head} ${message.index} ${
        message.done ? "done" : `next ${message.nextOffset}`
      }`;
    case "forward":
      return `${head} ${message.proposals.length} proposals`;
    case "forward_refused":
      return `${head} ${message.ids.length} ${message.reason}`;
    case "read_index":
      return `${head} ${message.requestId}`;
    case "read_index_response":
      return `${head} ${message.requestId} at ${message.index}`;
    default:
      return head;
  }
}
