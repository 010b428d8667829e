/**
 * The simulator of PostgreSQL's failover: the real state, policy and plan, on modelled servers, agents
 * and a modelled log. Only tests import it.
 *
 * @module
 */
export { runPgSimulator } from "./main.ts";
export { type PgSimOptions, type PgSimReport, simulatePg } from "./run.ts";
