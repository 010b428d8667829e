import type { Answer } from "./json.ts";

/** Who may call a route: everybody, whoever may read, or whoever may change. */
export type Access = "open" | "read" | "change";

/** What a handler is given. */
export interface Call {
  readonly request: Request;
  /** The path's variable parts, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the `?`. */
  readonly query: URLSearchParams;
  /** The body as text; empty for methods without one. */
  readonly body: string;
  readonly requestId: string;
}

/** A JSON Schema, of the dialect that OpenAPI 3.1 takes. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a variable part of a path, or a value behind the `?`, may be. */
export interface ParameterShape {
  readonly schema: JsonSchema;
  /** What it does, in a line. */
  readonly summary: string;
  readonly required: boolean;
}

/** What a body may be. */
export interface BodyShape {
  readonly schema: JsonSchema;
  /** Whether a request may come without one, which counts as `{}`. */
  readonly optional: boolean;
}

/** What an answer of a status says. */
export interface AnswerShape {
  readonly summary: string;
  /** @default {"application/json"} */
  readonly contentType?: string;
  /** What its JSON is; null for text that is none. */
  readonly schema: JsonSchema | null;
}

/** Answers by status. */
export type AnswerShapes = Readonly<Record<number, AnswerShape>>;

/** One route. A last part `:name*` takes in the rest of the path, slashes and all. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly access: Access;
  /**
   * Whether it changes keys or entries only, such as come by thousands a second.
   *
   * @default {false}
   */
  readonly isData?: boolean;
  /** Takes bodies that do not say they are JSON, as etcd's gateway does, from what is no browser. */
  readonly anyContentType?: boolean;
  /** What it is for, in a line. */
  readonly summary: string;
  /** @default {any text} */
  readonly params?: Readonly<Record<string, ParameterShape>>;
  /** @default {none} */
  readonly query?: Readonly<Record<string, ParameterShape>>;
  /** @default {none is looked at} */
  readonly body?: BodyShape;
  /**
   * What it answers beside problems.
   *
   * @default {200 with any JSON}
   */
  readonly answers?: AnswerShapes;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

/** What a path leads to. */
export type Match =
  | {
    readonly kind: "route";
    readonly route: Route;
    readonly params: Readonly<Record<string, string>>;
  }
  | { readonly kind: "other_methods"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

/** Finds routes. */
export interface RouteTable {
  readonly routes: readonly Route[];
  find(method: string, path: string): Match;
}

interface Pattern {
  readonly route: Route;
  readonly parts: readonly string[];
}

const NO_PARAMS: Readonly<Record<string, string>> = {};

/**
 * Makes a table of routes. Paths without variable parts are found at once; `HEAD` finds what `GET`
 * does.
 *
 * @param routes The routes; the first that fits is taken.
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const exact = new Map<string, Route>();
  const patterns: Pattern[] = [];
  for (const route of routes) {
    if (!route.path.includes(":")) {
      exact.set(`${route.method} ${route.path}`, route);
    } else patterns.push({ route, parts: route.path.split("/") });
  }
  return {
    routes,
    find(method, path): Match {
      const wanted = method === "HEAD" ? "GET" : method;
      const route = exact.get(`${wanted} ${path}`);
      if (route) return { kind: "route", route, params: NO_PARAMS };
      return findPattern(routes, patterns, wanted, path);
    },
  };
}

function findPattern(
  routes: readonly Route[],
  patterns: readonly Pattern[],
  method: string,
  path: string,
): Match {
  const parts = path.split("/");
  const allow = new Set<string>();
  for (const { route } of patterns.filter((p) => paramsOf(p.parts, parts))) {
    allow.add(route.method);
  }
  for (const route of routes) if (route.path === path) allow.add(route.method);
  for (const pattern of patterns) {
    if (pattern.route.method !== method) continue;
    const params = paramsOf(pattern.parts, parts);
    if (params) return { kind: "route", route: pattern.route, params };
  }
  if (allow.size === 0) return { kind: "none" };
  if (allow.has("GET")) allow.add("HEAD");
  return { kind: "other_methods", allow: [...allow].sort() };
}

function paramsOf(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    if (part.startsWith(":") && part.endsWith("*")) {
      const rest = parts.slice(i).join("/");
      return rest === "" ? null : put(params, part.slice(1, -1), rest);
    }
    const actual = parts[i];
    if (actual === undefined) return null;
    if (!part.startsWith(":")) {
      if (part !== actual) return null;
    } else if (actual === "" || !put(params, part.slice(1), actual)) {
      return null;
    }
  }
  return parts.length === pattern.length ? params : null;
}

function put(
  params: Record<string, string>,
  name: string,
  encoded: string,
): Record<string, string> | null {
  try {
    params[name] = decodeURIComponent(encoded);
    return params;
  } catch {
    return null;
  }
}
