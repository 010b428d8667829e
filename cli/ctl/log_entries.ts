import { oneLine } from "../style.ts";
import { shownPayload } from "./payload.ts";
import type { Session } from "./session.ts";
import { type Shape, shown } from "./shape.ts";

/**
 * Prints entries of the log, a line each.
 *
 * @param session The session.
 * @param entries The entries.
 * @param base64 Whether to print their data in base64.
 */
export async function printEntries(
  { io, json }: Session,
  entries: readonly Shape[],
  base64: boolean,
): Promise<void> {
  for (const entry of entries) {
    const line = json ? JSON.stringify(entry) : oneLine(
      `${shown(entry, "index")}  ${shownPayload(entry, "data", base64)}`,
    );
    await io.out(`${line}\n`);
  }
}
