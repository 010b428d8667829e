import { formatLsn } from "../../../base/mod.ts";
import type { HistoryRecord } from "../../../pg/cluster/mod.ts";
import { requireMember } from "../../api/mod.ts";
import {
  explainToJson,
  type HighAvailability,
  memberPostgresToJson,
  switchOver,
  syncToJson,
} from "../../ha/mod.ts";
import { Problem } from "../../http/mod.ts";
import { numberAt } from "../arguments.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { isoTime } from "../times.ts";
import { nameOf } from "./state.ts";

/** PostgreSQL's high availability; refuses before the node takes part. */
export function haOf({ node }: BridgeContext): HighAvailability {
  const ha = node.ha();
  if (ha) return ha;
  throw new Problem("no_quorum", node.waitingFor() ?? "The node takes no part");
}

function recordRow(record: HistoryRecord): Record<string, unknown> {
  return {
    epoch: record.epoch,
    kind: record.kind,
    reason: record.reason,
    detail: record.detail,
    from_id: record.from,
    to_id: record.to,
    timeline: record.timeline,
    start_lsn: formatLsn(record.startLsn),
    why: record.why,
    lost_at: isoTime(record.lostAtMs),
    detected_at: isoTime(record.detectedAtMs),
    granted_at: isoTime(record.grantedAtMs),
    promoted_at: isoTime(record.promotedAtMs),
    opened_at: isoTime(record.openedAtMs),
    gap_ms: record.gapMs === null ? null : Math.round(record.gapMs),
  };
}

interface Finding {
  readonly member: number | null;
  readonly code: string;
  readonly text: string;
}

function explain(context: BridgeContext): unknown {
  // What this very process has made.
  const { findings, members } = explainToJson(haOf(context)) as unknown as {
    readonly findings: readonly Finding[];
    readonly members: readonly Finding[];
  };
  return [...findings, ...members].map(({ member, code, text }) => ({
    member,
    code,
    explanation: text,
  }));
}

function replication(context: BridgeContext): unknown {
  const ha = haOf(context);
  const sync = syncToJson(ha)?.standbys;
  const ids = Array.isArray(sync) ? sync : [];
  return [...ha.state().members.keys()].map((id) => {
    const postgres = memberPostgresToJson(ha, id);
    const report = ha.watch.report(id);
    return {
      node_id: id,
      name: nameOf(context, id),
      role: postgres?.role,
      state: postgres?.state,
      epoch: report?.position?.epoch ?? 0,
      upstream: report?.following?.upstream ?? null,
      lsn: postgres?.lsn ?? null,
      replay_lsn: report && report.replayLsn > 0
        ? formatLsn(report.replayLsn)
        : null,
      lag_bytes: postgres?.lag_bytes ?? null,
      sync: ids.includes(id),
      streaming: report?.following?.streaming ?? false,
    };
  });
}

/** What the bridge does and tells about PostgreSQL's failover. */
export const FAILOVER_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_switchover: async (context, args) => {
    requireMember(context.node);
    const target = (args[0] ?? null) === null
      ? null
      : numberAt(args, 0, "target", { min: 1, max: 1000 });
    const { primary, epoch } = await switchOver(haOf(context), target);
    return [{ primary_id: primary, epoch }];
  },
  pgraft_explain: explain,
  pgraft_failover_history: (context) =>
    haOf(context).state().history.toReversed().map(recordRow),
  replication,
};
