import type { Answer, ClusterNode } from "../nodes/mod.ts";

/** What tests read of `GET /v1/cluster`. */
export interface ClusterView {
  readonly leader_id: number;
  readonly paused: boolean;
  readonly primary: {
    readonly id: number;
    readonly epoch: number;
    readonly timeline: number;
    readonly lsn: string;
  } | null;
  readonly sync: {
    readonly mode: string;
    readonly standbys: readonly number[];
    readonly required: number;
    readonly degraded: boolean;
  } | null;
  readonly members: readonly MemberView[];
}

/** What tests read of a member. */
export interface MemberView {
  readonly id: number;
  readonly kind: "data" | "witness";
  readonly role: string;
  readonly state: string;
  readonly open?: boolean;
  readonly trouble?: string | null;
  readonly role_change?: { readonly exit_code: number | null } | null;
  readonly timeline?: number;
}

/** What tests read of `GET /v1/explain`. */
export interface ExplainView {
  readonly phase: string;
  readonly mode: string;
  readonly epoch: number;
  readonly rules: readonly string[];
  readonly next: string | null;
  readonly findings: readonly FindingView[];
  readonly members: readonly FindingView[];
}

/** A sentence of `GET /v1/explain`. */
export interface FindingView {
  readonly member: number | null;
  readonly code: string;
  readonly text: string;
}

/** What tests read of a record of `GET /v1/failover/history`. */
export interface RecordView {
  readonly epoch: number;
  readonly kind: string;
  readonly reason: string;
  readonly from: number;
  readonly to: number;
  readonly timeline: number;
  readonly why: string;
  readonly gave_up: readonly string[];
  readonly lost_at_ms: number;
  readonly opened_at_ms: number | null;
  readonly phases_ms: Readonly<
    Record<"detect" | "seal" | "promote" | "barrier" | "open", number | null>
  >;
  readonly gap_ms: number | null;
  readonly given_up: readonly {
    readonly id: number;
    readonly bytes: number | null;
    readonly commits: number | null;
  }[];
}

const READ_TIMEOUT_MS = 1000;

/** Reads what a node says; an error when it does not. */
async function read(node: ClusterNode, path: string): Promise<unknown> {
  const options = { timeoutMs: READ_TIMEOUT_MS };
  const answer: Answer<unknown> = await node.client.request(
    "GET",
    path,
    undefined,
    options,
  );
  if (answer.kind === "ok") return answer.value;
  throw new Error(
    `Node ${node.id} on ${path}: ${answer.code}, ${answer.detail}`,
  );
}

/** Reads a node's picture of the cluster. */
export async function readCluster(node: ClusterNode): Promise<ClusterView> {
  return await read(node, "/v1/cluster") as ClusterView;
}

/** Reads why a node holds that things are as they are. */
export async function readExplain(node: ClusterNode): Promise<ExplainView> {
  return await read(node, "/v1/explain") as ExplainView;
}

/** Reads the changes of primary, newest first. */
export async function readHistory(node: ClusterNode): Promise<RecordView[]> {
  const answer = await read(node, "/v1/failover/history");
  return (answer as { history: RecordView[] }).history;
}
