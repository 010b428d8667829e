/**
 * The program `pgraft`.
 *
 * @module
 */
import { main, runThread, systemIo } from "./cli/mod.ts";

if ("DedicatedWorkerGlobalScope" in globalThis) await runThread();
else if (import.meta.main) Deno.exit(await main(Deno.args, systemIo()));
