/**
 * Requests and answers: routes, access, bodies and problems.
 *
 * @module
 */
export type { AccessRules } from "./access.ts";
export { BODY_TIMEOUT_MS, parseObject } from "./body.ts";
export {
  createRequestHandler,
  type HandleOptions,
  problemOf,
} from "./handle.ts";
export { type Answer, jsonAnswer } from "./json.ts";
export {
  Problem,
  PROBLEM_STATUS,
  type ProblemCode,
  type ProblemOptions,
} from "./problem.ts";
export {
  type Access,
  type AnswerShape,
  type AnswerShapes,
  type BodyShape,
  type Call,
  createRouteTable,
  type JsonSchema,
  type Match,
  type ParameterShape,
  type Route,
  type RouteTable,
} from "./route.ts";
