/**
 * The program `pgraft`.
 *
 * @module
 */
import { main, systemIo } from "./cli/mod.ts";

if (import.meta.main) Deno.exit(await main(Deno.args, systemIo()));
