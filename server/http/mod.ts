/**
 * Requests and answers: routes, access, bodies and problems.
 *
 * @module
 */
export type { AccessRules } from "./access.ts";
export { parseObject } from "./body.ts";
export {
  createRequestHandler,
  type HandleOptions,
  problemOf,
} from "./handle.ts";
export { type Answer, jsonAnswer } from "./json.ts";
export { Problem, type ProblemCode, type ProblemOptions } from "./problem.ts";
export {
  type Access,
  type Call,
  createRouteTable,
  type Match,
  type Route,
  type RouteTable,
} from "./route.ts";
