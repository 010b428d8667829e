import * as v from "valibot";
import type { AnswerShapes } from "../http/mod.ts";
import { answerOf } from "./define.ts";

/**
 * What the routes answer. Objects are open: a later version may say more, and programs pass over what
 * they don't know.
 */

const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0));
const MAYBE = v.nullable(COUNT);
const TEXT = v.string();
const FLAG = v.boolean();
const ANY_OBJECT = v.looseObject({});

/** Answers of one status. */
function one(
  summary: string,
  schema: v.GenericSchema,
  status = 200,
): AnswerShapes {
  return { [status]: answerOf(summary, schema) };
}

const LEADER = v.looseObject({ leader_id: COUNT, term: COUNT });
const NODE = v.looseObject({
  id: COUNT,
  incarnation: COUNT,
  name: TEXT,
  role: v.picklist(["voter", "witness", "learner"]),
  raft_address: TEXT,
  api: TEXT,
  version: TEXT,
  leader: FLAG,
  match_index: MAYBE,
  last_contact_ms: MAYBE,
  active: FLAG,
});
const MEMBER = v.looseObject({
  id: COUNT,
  name: TEXT,
  kind: v.picklist(["data", "witness"]),
  role: v.picklist(["primary", "standby", "none"]),
  state: TEXT,
  raft: v.picklist(["leader", "follower", "learner"]),
  raft_address: TEXT,
  api: TEXT,
  last_contact_ms: MAYBE,
  tags: ANY_OBJECT,
  host: v.optional(TEXT),
  port: v.optional(COUNT),
  timeline: v.optional(COUNT),
  lsn: v.optional(v.nullable(TEXT)),
  lag_bytes: v.optional(MAYBE),
  open: v.optional(FLAG),
  trouble: v.optional(v.nullable(TEXT)),
  maintenance: v.optional(FLAG),
});

/** This node. */
export const STATUS = one(
  "This node",
  v.looseObject({
    id: COUNT,
    incarnation: COUNT,
    name: TEXT,
    version: TEXT,
    cluster: TEXT,
    state: v.picklist(["founding", "joining", "running", "removed"]),
    waiting_for: v.nullable(TEXT),
    uptime_ms: COUNT,
    disk_full: FLAG,
    raft_address: TEXT,
    api: TEXT,
    raft: v.nullable(v.looseObject({
      role: v.picklist(["follower", "pre_candidate", "candidate", "leader"]),
      term: COUNT,
      leader_id: COUNT,
      commit_index: COUNT,
      applied_index: COUNT,
      last_index: COUNT,
      durable_index: COUNT,
      first_index: COUNT,
      snapshot_index: COUNT,
      log_bytes: COUNT,
      configuration_index: COUNT,
    })),
  }),
);

/** The cluster. */
export const CLUSTER = one(
  "The cluster as this node sees it",
  v.looseObject({
    name: TEXT,
    leader_id: COUNT,
    term: COUNT,
    has_quorum: FLAG,
    paused: FLAG,
    primary: v.nullable(v.looseObject({
      id: COUNT,
      epoch: COUNT,
      timeline: COUNT,
      lsn: TEXT,
    })),
    sync: v.nullable(v.looseObject({
      mode: TEXT,
      standbys: v.array(COUNT),
      required: COUNT,
      degraded: FLAG,
    })),
    members: v.array(MEMBER),
  }),
);

/** How much a node logs. */
export const LOG_LEVEL = one(
  "The level in force, and that of the configuration",
  v.looseObject({ level: TEXT, configured: TEXT }),
);

/** Counts that begin anew. */
export const RESET = one("Done", v.looseObject({ reset: FLAG }));

/** All members. */
export const NODES = one(
  "The members",
  v.looseObject({ nodes: v.array(NODE), configuration_index: COUNT }),
);

/** One member. */
export const ONE_NODE = one("The member", NODE);

/** A member was added. */
export const ADDED = one(
  "It was added",
  v.looseObject({ id: COUNT, added: FLAG }),
  201,
);

/** A member was removed. */
export const REMOVED = one(
  "It was removed",
  v.looseObject({ id: COUNT, removed: FLAG }),
);

/** A learner was promoted. */
export const PROMOTED = one(
  "It votes",
  v.looseObject({ id: COUNT, promoted: FLAG }),
);

/** Who leads now. */
export const NEW_LEADER = one("Who leads now", LEADER);

/** A snapshot was begun. */
export const STARTED = one(
  "It was begun",
  v.looseObject({ started: FLAG }),
  202,
);

/** The process lives. */
export const LIVE = one("It lives", v.looseObject({ live: FLAG }));

const READINESS = v.looseObject({ ready: FLAG, reason: v.optional(TEXT) });

/** Whether the node can serve. */
export const READY: AnswerShapes = {
  ...one("It can serve", READINESS),
  ...one("It can't, and why", READINESS, 503),
};

const ETCD_HEALTH = v.looseObject({ health: TEXT, reason: TEXT });

/** Whether the cluster can commit, as etcd says it. */
export const HEALTH: AnswerShapes = {
  ...one("It can", ETCD_HEALTH),
  ...one("It can't, and why", ETCD_HEALTH, 503),
};

/** Measurements. */
export const METRICS: AnswerShapes = {
  200: {
    summary: "Measurements in Prometheus's text format",
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    schema: null,
  },
};

const LOG_ENTRY = v.looseObject({
  index: COUNT,
  data: v.optional(TEXT),
  data_base64: v.optional(TEXT),
});

/** An entry was committed. */
export const APPENDED = one(
  "Its position, once it is committed",
  v.looseObject({ index: COUNT }),
  201,
);

/** An entry. */
export const ENTRY = one("The entry", LOG_ENTRY);

/** Entries. */
export const ENTRIES = one(
  "The entries, and which there are",
  v.looseObject({
    entries: v.array(LOG_ENTRY),
    first_index: COUNT,
    last_index: COUNT,
  }),
);

/** An entry has come. */
export const ARRIVED = one(
  "It is committed and applied here",
  v.looseObject({ index: COUNT, last_index: COUNT }),
);

const RECORD = {
  key: v.optional(TEXT),
  key_base64: v.optional(TEXT),
  value: v.optional(TEXT),
  value_base64: v.optional(TEXT),
  create_revision: COUNT,
  mod_revision: COUNT,
  version: COUNT,
};

/** A key. */
export const KEY = one(
  "The key, and the store's revision",
  v.looseObject({ ...RECORD, revision: COUNT }),
);

/** Keys. */
export const KEYS = one(
  "The keys, in order",
  v.looseObject({
    kvs: v.array(v.looseObject(RECORD)),
    count: COUNT,
    more: FLAG,
    revision: COUNT,
  }),
);

/** The revision of a change. */
export const CHANGED = one(
  "The revision of the change",
  v.looseObject({ revision: COUNT }),
);

/** What a deletion did. */
export const DELETED = one(
  "The store's revision, and how many keys are gone",
  v.looseObject({ revision: COUNT, deleted: COUNT }),
);

const HEADER = v.looseObject({
  cluster_id: TEXT,
  member_id: TEXT,
  revision: TEXT,
  raft_term: TEXT,
});

/** An answer in etcd's JSON, where what is zero or empty is left out. */
export function etcdAnswer(
  summary: string,
  fields: Readonly<Record<string, v.GenericSchema>> = {},
): AnswerShapes {
  const optional = Object.entries(fields).map(([name, field]) => [
    name,
    v.optional(field),
  ]);
  return one(
    summary,
    v.looseObject({ header: HEADER, ...Object.fromEntries(optional) }),
  );
}

const HISTORY_RECORD = v.looseObject({
  epoch: COUNT,
  kind: TEXT,
  reason: TEXT,
  detail: TEXT,
  from: COUNT,
  to: COUNT,
  timeline: COUNT,
  start_lsn: TEXT,
});

/** Why things are as they are. */
export const EXPLAINED = one(
  "Why things are as they are",
  v.looseObject({
    phase: TEXT,
    epoch: COUNT,
    paused: FLAG,
    mode: TEXT,
    rules: v.array(TEXT),
    next: v.nullable(TEXT),
    findings: v.array(ANY_OBJECT),
    members: v.array(ANY_OBJECT),
  }),
);

/** The changes of primary. */
export const HISTORY = one(
  "The last changes of primary, newest first",
  v.looseObject({ history: v.array(HISTORY_RECORD) }),
);

/** Who reigns now. */
export const NEW_PRIMARY = one(
  "The new primary, once it is open",
  v.looseObject({
    primary: COUNT,
    epoch: COUNT,
    record: v.nullable(HISTORY_RECORD),
  }),
);

/** Whether failover is suspended. */
export const PAUSED = one("As asked", v.looseObject({ paused: FLAG }));

/** Who must hold commits. */
export const MODE = one("As asked", v.looseObject({ mode: TEXT }));

/** Tags of a member. */
export const TAGS = one(
  "All of its tags",
  v.looseObject({ id: COUNT, tags: ANY_OBJECT }),
);

/** Whether work is done on a member. */
export const MAINTENANCE = one(
  "As asked",
  v.looseObject({ id: COUNT, maintenance: FLAG }),
);

/** An order was given. */
export const ORDERED = one(
  "The order's number; its outcome stands in GET /v1/cluster",
  v.looseObject({ id: COUNT, kind: TEXT, order: COUNT }),
);

const CONFIG_HEAD = {
  version: COUNT,
  author: TEXT,
  comment: TEXT,
  at_ms: v.number(),
};
const CONFIG_FIELDS = {
  ...CONFIG_HEAD,
  parameters: v.record(TEXT, TEXT),
  cluster: v.nullable(v.record(TEXT, TEXT)),
  members: v.array(v.looseObject({ id: COUNT, version: COUNT })),
};
const CHANGES = v.array(v.looseObject({ name: TEXT }));

/** Parameters of PostgreSQL. */
export const CONFIG = one("The parameters", v.looseObject(CONFIG_FIELDS));

/** Changed parameters of PostgreSQL. */
export const CONFIG_CHANGED = one(
  "The parameters, and what changed",
  v.looseObject({ ...CONFIG_FIELDS, changes: CHANGES }),
);

/** Versions of the parameters. */
export const CONFIG_VERSIONS = one(
  "The versions that are remembered",
  v.looseObject({
    versions: v.array(
      v.looseObject({ ...CONFIG_HEAD, changes: v.nullable(CHANGES) }),
    ),
  }),
);

const SQL_STATE = v.looseObject({ raft_index: COUNT, state: TEXT });
/** Replicated statements, and how far they are. */
export const SQL_SUBMITTED: AnswerShapes = one(
  "The statements are in the log",
  SQL_STATE,
  201,
);
/** The same, asked for later. */
export const SQL_OPERATION: AnswerShapes = one(
  "What became of the statements",
  SQL_STATE,
);
/** The extension that was installed. */
export const EXTENSION: AnswerShapes = one(
  "The extension is installed",
  v.looseObject({ database: TEXT, action: TEXT, form: TEXT, version: TEXT }),
);
/** What a router does and did. */
export const ROUTER: AnswerShapes = one("The router of this node", ANY_OBJECT);
