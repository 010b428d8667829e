import { createDeadlines, messageOf, systemClock } from "../../base/mod.ts";
import { apiRoutes, type NodeContext, type WatchHub } from "../api/mod.ts";
import type { Audit } from "../audit/mod.ts";
import { FRONT_LIMITS, openServer } from "../front/mod.ts";
import {
  BODY_TIMEOUT_MS,
  createRequestHandler,
  createRouteTable,
  type Route,
} from "../http/mod.ts";
import { logger } from "../logging/mod.ts";
import { createTlsTeller } from "./certificates.ts";
import type { Node } from "./node.ts";
import { accessRules } from "./tokens.ts";

/** What a request's body holds beside the entry: base64 and JSON around it. */
const BODY_OVERHEAD_RATIO = 1.5;
const BODY_OVERHEAD_BYTES = 4096;
/** How many requests are served at once. */
const MAX_REQUESTS = 4096;
/** How long a stop waits for answers that are under way. */
const DRAIN_TIMEOUT_MS = 500;

const LOG = logger("api");

/** An API that is served. */
export interface Api {
  readonly hostname: string;
  readonly port: number;
  /** Takes no more requests, and ends those under way after a moment. */
  stop(): Promise<void>;
}

/** What the API needs beside the node. */
export interface ApiParts {
  readonly audit: Audit;
  /** What serves watchers. */
  readonly hub: WatchHub;
  /** What `/metrics` says. */
  readonly renderMetrics: () => Promise<string>;
}

/** Serves a node's API. */
export async function serveApi(
  node: Node,
  context: NodeContext,
  { audit, hub, renderMetrics }: ApiParts,
): Promise<Api> {
  const { config, metrics, keys } = node;
  const { host, port } = config.api.listen;
  const table = createRouteTable(
    apiRoutes(context, renderMetrics, hub),
  );
  const recorders = new Map(
    table.routes.map((route) => [route, metrics.http.route(route.path)]),
  );
  const other = metrics.http.route("other");
  const load: Load = { active: 0, isStopping: false, onIdle: () => {} };
  const clock = systemClock();
  const bodies = createDeadlines(clock, BODY_TIMEOUT_MS);
  const handler = createRequestHandler({
    table,
    rules: accessRules(config, keys.tokens),
    maxBodyBytes: BODY_OVERHEAD_BYTES +
      config.raft.maxEntrySizeBytes * BODY_OVERHEAD_RATIO,
    bodies,
    maxRequests: MAX_REQUESTS,
    apiOf: (id) => node.machine.members().get(id)?.api ?? "",
    isStopping: () => load.isStopping,
    begin: (route) => {
      load.active += 1;
      if (route) node.tracing?.routed(route.method, route.path);
      recorderOf(recorders, route, other).started();
    },
    observe: (route, request, status, tookMs) => {
      finishOne(load);
      node.tracing?.answered(status);
      node.activity.ended(status < 400);
      const recorder = recorderOf(recorders, route, other);
      recorder.finished(request.method, status, tookMs);
    },
    audit,
    onError: (error, requestId) =>
      LOG.error("A request failed", {
        requestId,
        reason: messageOf(error),
      }),
    nowMs: context.nowMs,
  });
  const server = await openServer({
    where: { hostname: host, port },
    handler,
    limits: FRONT_LIMITS,
    clock,
    tls: keys.certificates.api,
    clearToo: false,
    onTlsFailure: createTlsTeller("the API", clock),
  });
  node.connections.api = server.stats;
  return {
    ...server.address,
    async stop(): Promise<void> {
      load.isStopping = true;
      await whenIdle(load);
      // It waits for every answer to be sent, but also for requests that never become whole.
      if (load.active === 0) await withinDrain(server.shutdown());
      await server.close();
      bodies.stop();
    },
  };
}

/** What is under way. */
interface Load {
  active: number;
  isStopping: boolean;
  /** Is told when nothing is under way. */
  onIdle: () => void;
}

function finishOne(load: Load): void {
  load.active -= 1;
  if (load.active === 0) load.onIdle();
}

async function whenIdle(load: Load): Promise<void> {
  if (load.active === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  load.onIdle = resolve;
  await withinDrain(promise);
}

/** Waits for something, as long as a stop waits at most. */
async function withinDrain(work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

function recorderOf<T>(
  recorders: ReadonlyMap<Route, T>,
  route: Route | null,
  other: T,
): T {
  return (route && recorders.get(route)) ?? other;
}
