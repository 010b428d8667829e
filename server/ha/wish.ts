import type { ClusterCommand } from "../../pg/cluster/mod.ts";
import { Problem } from "../http/mod.ts";
import type { HighAvailability } from "./ha.ts";

/** Has what an operator wants committed; what does not fit the state is a conflict. */
export async function proposeWish(
  ha: HighAvailability,
  command: ClusterCommand,
): Promise<void> {
  const result = await ha.proposer.propose(command);
  if (result.kind === "done") return;
  throw new Problem("conflict", result.why);
}
