import type { Place } from "./place.ts";
import { pidsIn, titleOf } from "./processes.ts";

/**
 * What the startup process waits for while it has asked for a walreceiver, or waits for its end. The view of
 * walreceivers is empty while one starts or connects, so the one who asks for it is looked at too.
 */
const QUESTION = `
select exists (select from pg_stat_get_wal_receiver() where pid is not null)
  or exists (select from pg_stat_activity where backend_type = 'walreceiver')
  or exists (select from pg_stat_activity where backend_type = 'startup'
    and wait_event in ('RecoveryWalStream', 'WalReceiverExit', 'WalReceiverWaitStart')) as may`;

/** Whether a standby receives, or may be about to (R12, T13). */
export async function mayReceive(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<boolean> {
  const rows = await place.connections.run<{ may: boolean }>(
    "work",
    QUESTION,
    [],
    options.timeoutMs,
  );
  if (rows[0]?.may ?? true) return true;
  return pidsIn(place.dataDir).some((pid) =>
    titleOf(pid).includes("walreceiver")
  );
}
