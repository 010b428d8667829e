/** What tests of the core begin with: options, configurations, entries, disks and messages. */
import { encodeConfiguration } from "./configuration.ts";
import { type CoreOptions, DEFAULT_CORE_OPTIONS } from "./limits.ts";
import type { Message, MessageBody } from "./messages.ts";
import type { Core } from "./state.ts";
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  Member,
  NodeId,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** What a node's disk holds. */
export interface Disk {
  hardState: HardState;
  entries: Entry[];
  baseIndex: Index;
  baseTerm: Term;
  snapshot: SnapshotMeta | null;
}

/** Small limits, so that tests reach them. */
export const TEST_OPTIONS: CoreOptions = {
  ...DEFAULT_CORE_OPTIONS,
  snapshotChunkBytes: 4,
  trailingEntries: 2,
  maxTrailingEntries: 20,
  promotionLagEntries: 3,
};

/** Reads members as `describeConfiguration` writes them: `1 2 3w 4l`; `4l>voter` is to be promoted. */
export function configure(members: string, leaseReads = false): Configuration {
  return {
    leaseReads,
    members: members.split(" ").map((word): Member => {
      const [name = "", promoteTo] = word.split(">");
      const id = parseInt(name);
      const kind = name.endsWith("w") ? "witness" : "voter";
      return {
        id,
        incarnation: id * 10,
        role: name.endsWith("l") ? "learner" : kind,
        promoteTo: promoteTo === "voter" ? "voter" : null,
        address: `node${id}:1`,
      };
    }),
  };
}

/** An entry of `size` bytes, or with the given data. */
export function entry(
  index: Index,
  term: Term,
  data: Uint8Array | number = 1,
): Entry {
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  return { index, term, kind: "command", data: bytes };
}

/** An entry that carries a configuration. */
export function configurationEntry(
  index: Index,
  term: Term,
  configuration: Configuration,
): Entry {
  const data = encodeConfiguration(configuration);
  return { index, term, kind: "configuration", data };
}

/** A disk that holds the founding configuration as entry 1, then entries of the given terms. */
export function diskOf(
  configuration: Configuration,
  terms: readonly Term[] = [],
): Disk {
  const entries = [configurationEntry(1, 1, configuration)];
  for (const [i, term] of terms.entries()) entries.push(entry(i + 2, term));
  const term = terms[terms.length - 1] ?? 1;
  return {
    hardState: { term, votedFor: 0, commit: 1 },
    entries,
    baseIndex: 0,
    baseTerm: 0,
    snapshot: null,
  };
}

/** A disk that was never written. */
export function emptyDisk(): Disk {
  return {
    hardState: { term: 0, votedFor: 0, commit: 0 },
    entries: [],
    baseIndex: 0,
    baseTerm: 0,
    snapshot: null,
  };
}

/** A message as a peer under the cluster's own incarnations would send it. */
export function message(
  from: NodeId,
  to: NodeId,
  term: Term,
  body: MessageBody,
): Message {
  const fromIncarnation = from * 10;
  const toIncarnation = to * 10;
  return { ...body, from, fromIncarnation, to, toIncarnation, term };
}

/** The terms of a log's entries, base excluded. */
export function termsOf(core: Core): Term[] {
  return core.log.entries.map((at) => at.term);
}
