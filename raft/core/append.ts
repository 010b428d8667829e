import { invariant, present } from "../../base/mod.ts";
import { advanceCommit, appendReceived, truncateFrom } from "./entries.ts";
import { conflictByTerm, lastIndex, termAt } from "./log.ts";
import type { AppendRequest, Heartbeat, Message } from "./messages.ts";
import { answer, answerWhenDurable } from "./outbox.ts";
import { becomeFollower } from "./roles.ts";
import { type Core, resetElectionDeadline } from "./state.ts";
import type { Index } from "./types.ts";

/** Hears from this term's leader: follows it and waits anew. */
export function hearFromLeader(core: Core, message: Message): void {
  invariant(
    core.role !== "leader",
    `members ${core.id} and ${message.from} both lead term ${message.term}`,
  );
  if (core.role !== "follower" || core.leaderId !== message.from) {
    becomeFollower(core, message.term, message.from);
  }
  core.leaderIncarnation = message.fromIncarnation;
  core.fast = false;
  core.removedAt = 0;
  core.gone.delete(message.from);
  core.stickyUntilMs = core.nowMs + core.options.electionTimeoutMs;
  resetElectionDeadline(core);
}

/** Takes entries from the leader (paper §5.3, figure 2). */
export function onAppend(core: Core, request: AppendRequest): void {
  if (core.receiving?.stage === "installing") return;
  const { log } = core;
  const { prevIndex, prevTerm } = request;
  if (prevIndex < log.baseIndex) {
    // Late or repeated: what was compacted is committed, and matches every leader's log.
    acknowledge(core, request, core.commit);
    return;
  }
  if (termAt(log, prevIndex) !== prevTerm) {
    const hintIndex = conflictByTerm(log, prevIndex, prevTerm);
    const hintTerm = termAt(log, hintIndex) ?? 0;
    answer(core, request, core.term, {
      kind: "append_response",
      ok: false,
      index: prevIndex,
      hintIndex,
      hintTerm,
    });
    return;
  }
  const matched = takeEntries(core, request);
  // Beyond the entries of this message the log may differ from the leader's.
  advanceCommit(core, Math.max(core.commit, Math.min(request.commit, matched)));
  acknowledge(core, request, matched);
}

/** Adds what is new; drops entries only where they contradict, for messages come late and twice. */
function takeEntries(core: Core, request: AppendRequest): Index {
  const { log } = core;
  const { entries, prevIndex } = request;
  let known = 0;
  while (known < entries.length) {
    const entry = present(entries[known], "an entry");
    const term = termAt(log, entry.index);
    if (term === null) break;
    if (term !== entry.term) {
      truncateFrom(core, entry.index);
      break;
    }
    known++;
  }
  for (let i = known; i < entries.length; i++) {
    appendReceived(core, present(entries[i], "an entry"));
  }
  return prevIndex + entries.length;
}

function acknowledge(core: Core, request: AppendRequest, index: Index): void {
  answerWhenDurable(core, request, {
    kind: "append_response",
    ok: true,
    index,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** Takes the commit index, which the leader knows this node to hold, and confirms its leadership. */
export function onHeartbeat(core: Core, heartbeat: Heartbeat): void {
  if (core.receiving?.stage !== "installing") {
    advanceCommit(
      core,
      Math.max(core.commit, Math.min(heartbeat.commit, lastIndex(core.log))),
    );
  }
  const { round, sentAtMs } = heartbeat;
  if (round === 0) return;
  answer(core, heartbeat, core.term, {
    kind: "heartbeat_response",
    round,
    sentAtMs,
  });
}
