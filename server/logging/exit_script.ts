/**
 * Logs many lines and ends in the way that its argument says, for the test of what is left of them.
 *
 * @module
 */
import { configureLogging, logger } from "./mod.ts";

if (import.meta.main) {
  const logging = configureLogging({
    level: "info",
    format: "json",
    node: { id: 1, name: "node1" },
  });
  const log = logger("exit");
  for (let line = 0; line < 2000; line++) log.info("A line", { line });
  const [how] = Deno.args;
  if (how === "exit") Deno.exit(7);
  if (how === "dispose") await logging.dispose();
}
