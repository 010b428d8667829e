import { invariant } from "../../base/mod.ts";
import { hearFromLeader, onAppend, onHeartbeat } from "./append.ts";
import { maybeCommit } from "./commit.ts";
import { onSnapshotTaken } from "./compaction.ts";
import { latestConfiguration, memberOf } from "./configuration.ts";
import type { Input } from "./effects.ts";
import {
  onOwnVoteDurable,
  onVoteRequest,
  onVoteResponse,
  startElection,
  startTransferElection,
} from "./election.ts";
import { onForward, onForwardRefused, onPropose } from "./forward.ts";
import { onPeerGone, onPeerPresent } from "./gone.ts";
import { onHeartbeatResponse } from "./heartbeat.ts";
import { onChange } from "./membership.ts";
import type { Message } from "./messages.ts";
import { answer, send } from "./outbox.ts";
import { onRead, onReadIndex, onReadIndexResponse } from "./reads.ts";
import { onAppendResponse } from "./replication.ts";
import { retune } from "./retune.ts";
import { becomeFollower } from "./roles.ts";
import {
  onChunkFailed,
  onChunkWritten,
  onInstalled,
  onSnapshotChunk,
} from "./snapshot_receive.ts";
import { onChunkRead, onSnapshotResponse } from "./snapshot_send.ts";
import type { Core } from "./state.ts";
import { onTime } from "./time.ts";
import { startTransfer } from "./transfer.ts";

/**
 * Takes one input. The only way in; what comes of it is collected until `drain` takes it.
 *
 * @param core The core, which changes.
 * @param nowMs Monotonic time; never goes back.
 * @param input What happened.
 */
export function step(core: Core, nowMs: number, input: Input): void {
  core.nowMs = Math.max(core.nowMs, nowMs);
  onTime(core);
  switch (input.kind) {
    case "tick":
      return;
    case "retune":
      return retune(core, input.options);
    case "message":
      return onMessage(core, input.message);
    case "propose":
      return onPropose(core, input.proposals);
    case "persisted":
      return onPersisted(core, input.seq);
    case "read":
      return onRead(core, input.requestId);
    case "change":
      return onChange(core, input);
    case "transfer":
      core.outbox.transfers.push(startTransfer(core, input.target));
      return;
    case "campaign":
      return onCampaign(core);
    case "peer_gone":
      return onPeerGone(core, input.peer);
    case "peer_present":
      return onPeerPresent(core, input.peer);
    case "snapshot_taken":
      return onSnapshotTaken(core, input.snapshot);
    case "chunk_read":
      return onChunkRead(core, input);
    case "chunk_written":
      return onChunkWritten(core, input);
    case "chunk_failed":
      return onChunkFailed(core, input.index);
    case "installed":
      return onInstalled(core, input.snapshot);
  }
}

function onMessage(core: Core, message: Message): void {
  if (!concerns(core, message) || !enterTerm(core, message)) return;
  switch (message.kind) {
    case "pre_vote":
    case "vote":
      return onVoteRequest(core, message);
    case "pre_vote_response":
    case "vote_response":
      return onVoteResponse(core, message);
    case "append":
      hearFromLeader(core, message);
      return onAppend(core, message);
    case "append_response":
      return onAppendResponse(core, message);
    case "heartbeat":
      hearFromLeader(core, message);
      return onHeartbeat(core, message);
    case "heartbeat_response":
      return onHeartbeatResponse(core, message);
    case "snapshot_chunk":
      hearFromLeader(core, message);
      return onSnapshotChunk(core, message);
    case "snapshot_response":
      return onSnapshotResponse(core, message);
    case "timeout_now":
      return startTransferElection(core);
    case "transfer_request":
      startTransfer(core, message.from);
      return;
    case "forward":
      return onForward(core, message);
    case "forward_refused":
      return onForwardRefused(core, message);
    case "read_index":
      return onReadIndex(core, message);
    case "read_index_response":
      return onReadIndexResponse(core, message);
  }
}

/**
 * Whether a message is for this data directory, and its sender the member that the configuration
 * means: what a wiped member's former self said or promised counts for nothing (FAILOVER R34).
 */
function concerns(core: Core, message: Message): boolean {
  if (message.to !== core.id || message.from === core.id) return false;
  const { toIncarnation } = message;
  if (toIncarnation !== 0 && toIncarnation !== core.incarnation) return false;
  switch (message.kind) {
    case "pre_vote_response":
    case "vote_response":
    case "append_response":
    case "heartbeat_response":
    case "snapshot_response": {
      const { configuration } = latestConfiguration(core.configurations);
      const member = memberOf(configuration, message.from);
      return member?.incarnation === message.fromIncarnation;
    }
    default:
      return true;
  }
}

/** Settles whose term counts (paper §5.1); returns whether the message is still to be looked at. */
function enterTerm(core: Core, message: Message): boolean {
  switch (message.kind) {
    // Requests for votes decide about their term themselves: a bound voter does not enter it.
    case "pre_vote":
    case "vote":
    // These speak of no term.
    case "forward":
    case "forward_refused":
    case "read_index":
    case "read_index_response":
      return true;
    case "pre_vote_response":
      if (message.granted) return true;
      break;
  }
  if (message.term < core.term) {
    answerOldLeader(core, message);
    return false;
  }
  if (message.term > core.term) becomeFollower(core, message.term, 0);
  return true;
}

/** Tells a leader of the past that its time is over; it would not hear it from anyone else. */
function answerOldLeader(core: Core, message: Message): void {
  if (message.kind !== "append" && message.kind !== "heartbeat") return;
  answer(core, message, core.term, {
    kind: "heartbeat_response",
    round: 0,
    sentAtMs: 0,
  });
}

/** Asks for leadership: of the leader, who knows how; else by an election. */
function onCampaign(core: Core): void {
  if (core.role === "leader") return;
  if (core.leaderId === 0) startElection(core);
  else send(core, core.leaderId, { kind: "transfer_request" });
}

/** Counts on what is durable now, and says what waited for it. */
function onPersisted(core: Core, seq: number): void {
  while (core.persists[0] && core.persists[0].seq <= seq) {
    const persist = core.persists.shift();
    if (!persist) break;
    const { log } = core;
    log.stableIndex = Math.max(log.stableIndex, persist.lastIndex);
    invariant(
      log.stableIndex <= log.savedIndex,
      `entry ${log.stableIndex} is durable but was never written`,
    );
    if (persist.hardState) core.durableHardState = persist.hardState;
    for (const message of persist.messages) core.outbox.messages.push(message);
  }
  onOwnVoteDurable(core);
  maybeCommit(core);
}
