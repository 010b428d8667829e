/**
 * The router: leads clients that come to this node to the PostgreSQL that they want, wherever it is.
 *
 * @module
 */
export { routerToJson } from "./describe.ts";
export type { LoopPorts, LoopStats, TargetCount } from "./loop/mod.ts";
export {
  type Router,
  type RouterConfig,
  type RouterPorts,
  startRouter,
} from "./router.ts";
