import type { Counter } from "./cells.ts";
import { LATENCY_SECONDS } from "./buckets.ts";
import { type Family, OTHER, type Registry } from "./registry.ts";

/** Methods that are counted by name; the word is the client's, so that anything could stand there. */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Counts the requests of one route. */
export interface RouteRecorder {
  /** A request has come. */
  started(): void;
  /**
   * Its response has been handed over, or has failed.
   *
   * @param method The request's method.
   * @param status The response's status.
   * @param tookMs How long it took.
   */
  finished(method: string, status: number, tookMs: number): void;
}

/** Counts HTTP requests. */
export interface HttpRecorder {
  /**
   * Makes the recorder of a route; keep it, one for each route.
   *
   * @param pattern The route's pattern, never a path that a client has chosen.
   * @returns The recorder.
   */
  route(pattern: string): RouteRecorder;
}

type Requests = Family<"route" | "method" | "status", Counter>;

/** Finds the counter of a response without making anything anew. */
function createFinder(
  requests: Requests,
  route: string,
): (method: string, status: number) => Counter {
  const known = new Map<string, Counter[]>();

  function countersOf(method: string): Counter[] {
    const name = METHODS.has(method) ? method : OTHER;
    const found = known.get(name);
    if (found !== undefined) return found;
    const made: Counter[] = [];
    known.set(name, made);
    return made;
  }

  return (method, status) => {
    const at = Math.min(Math.max(Math.trunc(status / 100), 1), 5) - 1;
    const counters = countersOf(method);
    return counters[at] ??= requests.with({
      route,
      method: METHODS.has(method) ? method : OTHER,
      status: STATUS_CLASSES[at] ?? OTHER,
    });
  };
}

/**
 * Defines the metrics of the HTTP API.
 *
 * @param registry Where.
 * @returns What counts requests.
 */
export function defineHttpMetrics(registry: Registry): HttpRecorder {
  const requests = registry.counters({
    name: "pgraft_http_requests_total",
    help: "HTTP requests by route, method and class of status",
    labels: ["route", "method", "status"],
  });
  const durations = registry.histograms({
    name: "pgraft_http_request_duration_seconds",
    help: "Time until a response was handed over, by route",
    labels: ["route"],
    bounds: LATENCY_SECONDS,
  });
  const inFlight = registry.gauge({
    name: "pgraft_http_requests_in_flight",
    help: "HTTP requests that are being answered",
  });

  return {
    route: (pattern) => {
      const find = createFinder(requests, pattern);
      const duration = durations.with({ route: pattern });
      return {
        started: () => inFlight.add(1),
        finished: (method, status, tookMs) => {
          inFlight.add(-1);
          find(method, status).add();
          duration.observe(tookMs / 1000);
        },
      };
    },
  };
}
