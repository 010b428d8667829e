import * as v from "valibot";
import {
  decodeKvResult,
  encodeKvOperation,
  type KvOperation,
} from "../../raft/machines/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import { etcdAnswer } from "./answers.ts";
import { answerOf } from "./define.ts";
import { type NodeContext, propose } from "./context.ts";
import { etcdRoute, headerOf } from "./etcd.ts";
import { FLAG, inert, NATURAL } from "./etcd_body.ts";
import { etcdProblem } from "./etcd_errors.ts";
import { change } from "./kv.ts";
import { readAs } from "./reading.ts";

/** The shortest time to live; etcd rounds up, too. */
const MIN_TTL_SECONDS = 1;
const ID_BYTES = 6;
const LEASE_NOT_FOUND = "etcdserver: requested lease not found";

const TEXT = v.string();
const ID = { ID: NATURAL };

/** Etcd's routes of leases, and its compaction. */
export function etcdLeaseRoutes(context: NodeContext): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/lease/grant",
      access: "change",
      isData: true,
      summary: "Make a lease, as etcd does",
      fields: { TTL: NATURAL, ...ID },
      answers: etcdAnswer("Its number and time to live in seconds", {
        ID: TEXT,
        TTL: TEXT,
      }),
      handle: (context, { TTL, ID }, call) => grant(context, TTL, ID, call),
    }),
    etcdRoute(context, {
      path: "/v3/lease/revoke",
      access: "change",
      isData: true,
      summary: "End a lease and its keys, as etcd does",
      fields: ID,
      answers: etcdAnswer("It has ended"),
      handle: (context, { ID }, call) => revoke(context, ID, call),
    }),
    etcdRoute(context, {
      path: "/v3/lease/keepalive",
      access: "change",
      isData: true,
      summary: "Give a lease its full time again, as etcd does",
      fields: ID,
      answers: {
        200: answerOf(
          "Its time to live, none when it has ended",
          v.looseObject({
            result: v.looseObject({ ID: TEXT, TTL: v.optional(TEXT) }),
          }),
        ),
      },
      handle: (context, { ID }, call) => keepAlive(context, ID, call),
    }),
    ...readRoutes(context),
    etcdRoute(context, {
      path: "/v3/kv/compaction",
      access: "change",
      summary: "Forget changes up to a revision, as etcd does",
      // What is forgotten is gone at once, so there is nothing more to wait for.
      fields: { revision: NATURAL, physical: inert(false, true) },
      answers: etcdAnswer("They are forgotten"),
      handle: (context, { revision }, call) => compact(context, revision, call),
    }),
  ];
}

function readRoutes(context: NodeContext): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/lease/timetolive",
      access: "read",
      summary: "How long a lease has to live, as etcd tells it",
      fields: { ...ID, keys: FLAG },
      answers: etcdAnswer("Its seconds; a TTL of -1 when there is none", {
        ID: TEXT,
        TTL: TEXT,
        grantedTTL: TEXT,
        keys: v.array(TEXT),
      }),
      handle: (context, { ID, keys }) => timeToLive(context, ID, keys),
    }),
    etcdRoute(context, {
      path: "/v3/lease/leases",
      access: "read",
      summary: "All leases, as etcd lists them",
      fields: {},
      answers: etcdAnswer("Their numbers", {
        leases: v.array(v.looseObject({ ID: TEXT })),
      }),
      handle: list,
    }),
  ];
}

async function grant(
  context: NodeContext,
  ttlSeconds: number,
  wanted: number,
  call: Call,
): Promise<Answer> {
  const seconds = Math.max(ttlSeconds, MIN_TTL_SECONDS);
  const id = wanted === 0 ? randomId() : wanted;
  const ttlMs = seconds * 1000;
  if (!Number.isSafeInteger(ttlMs)) {
    throw etcdProblem("etcdserver: too large lease TTL");
  }
  const operation: KvOperation = { type: "lease_grant", id, ttlMs };
  const { revision } = await change(context, call, operation);
  const header = headerOf(context, revision);
  return jsonAnswer({ header, ID: String(id), TTL: String(seconds) });
}

/** Many clients choose at once and none asks the others, so it is drawn from many. */
function randomId(): number {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return 1 + bytes.reduce((number, byte) => number * 256 + byte, 0);
}

async function revoke(
  context: NodeContext,
  id: number,
  call: Call,
): Promise<Answer> {
  const result = await change(context, call, { type: "lease_revoke", id });
  return jsonAnswer({ header: headerOf(context, result.revision) });
}

/** As in etcd a lease that has ended is no error, but has no time to live. */
async function keepAlive(
  context: NodeContext,
  id: number,
  call: Call,
): Promise<Answer> {
  const data = encodeKvOperation({ type: "lease_renew", id });
  const result = decodeKvResult(await propose(context, call, "kv", data));
  if (result.type === "refused" && result.message !== LEASE_NOT_FOUND) {
    throw new Problem("bad_request", result.message);
  }
  const { revision, ttlMs } = result.type === "lease"
    ? result
    : { revision: context.machine.kv.revision(), ttlMs: 0 };
  const header = headerOf(context, revision);
  const ttl = ttlMs === 0 ? {} : { TTL: String(ttlMs / 1000) };
  return jsonAnswer({ result: { header, ID: String(id), ...ttl } });
}

async function timeToLive(
  context: NodeContext,
  id: number,
  withKeys: boolean,
): Promise<Answer> {
  const { kv } = context.machine;
  const { lease, revision, remainingMs } = await readAs(
    context,
    false,
    () => ({
      lease: kv.lease(id),
      revision: kv.revision(),
      remainingMs: kv.remainingMs(id),
    }),
  );
  const header = headerOf(context, revision);
  if (!lease) return jsonAnswer({ header, ID: String(id), TTL: "-1" });
  const keys = withKeys ? [...lease.keys].sort() : [];
  return jsonAnswer({
    header,
    ID: String(id),
    TTL: String(Math.floor(remainingMs / 1000)),
    grantedTTL: String(lease.ttlMs / 1000),
    ...(keys.length > 0 ? { keys: keys.map((key) => btoa(key)) } : {}),
  });
}

async function list(context: NodeContext): Promise<Answer> {
  const { kv } = context.machine;
  const { ids, revision } = await readAs(context, false, () => ({
    ids: kv.leaseIds(),
    revision: kv.revision(),
  }));
  const header = headerOf(context, revision);
  const leases = ids.map((id) => ({ ID: String(id) }));
  return jsonAnswer({ header, ...(leases.length > 0 ? { leases } : {}) });
}

async function compact(
  context: NodeContext,
  revision: number,
  call: Call,
): Promise<Answer> {
  const result = await change(context, call, { type: "compact", revision });
  return jsonAnswer({ header: headerOf(context, result.revision) });
}
