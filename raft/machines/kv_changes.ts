import type { KvChange } from "./kv_history.ts";
import type { KvRange } from "./kv_operation.ts";
import { type KvState, recordBytes, spanOf } from "./kv_state.ts";

/** How many changes are looked at for one answer, but for the rest of its last revision. */
const MAX_LOOKED_AT = 1024;
/** How large the changes of one answer are, but for its last revision: so much waits for a watcher that does not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** What `KvMachine.changes` looks for. */
export interface KvChangesOptions extends KvRange {
  /** The revision after which to begin. */
  readonly after: number;
}

/** All changes of one revision that are looked for. */
export interface KvRevision {
  readonly revision: number;
  readonly changes: readonly KvChange[];
}

/** Changes in the order of their revisions. */
export type KvChanges =
  /** A revision that was asked for is forgotten here: `oldest` is the first that is not. */
  | { readonly type: "compacted"; readonly oldest: number }
  | {
    readonly type: "changes";
    /** Those with a change that is looked for, each one whole. */
    readonly revisions: readonly KvRevision[];
    /** The revision up to which this is everything. */
    readonly through: number;
  };

/**
 * Finds the next changes after a revision.
 *
 * @param state The store.
 * @param options Which.
 * @returns Whole revisions, in order.
 */
export function changesOf(
  state: KvState,
  options: KvChangesOptions,
): KvChanges {
  const { history } = state;
  const { after } = options;
  if (after < history.floor()) {
    return { type: "compacted", oldest: history.floor() + 1 };
  }
  const { start, end } = spanOf(options);
  const revisions: { revision: number; changes: KvChange[] }[] = [];
  let through = after;
  let looked = 0;
  let bytes = 0;
  for (const change of history.after(after)) {
    const { key, value, modRevision } = change.after;
    if (modRevision > through) {
      if (looked >= MAX_LOOKED_AT || bytes >= MAX_ANSWER_BYTES) {
        return { type: "changes", revisions, through };
      }
      through = modRevision;
    }
    looked += 1;
    if (key < start || (end !== null && key >= end)) continue;
    bytes += recordBytes(key, value);
    const last = revisions.at(-1);
    if (last?.revision === modRevision) last.changes.push(change);
    else revisions.push({ revision: modRevision, changes: [change] });
  }
  through = Math.max(after, state.revision);
  return { type: "changes", revisions, through };
}
