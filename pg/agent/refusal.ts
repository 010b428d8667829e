import { type HostPort, reach } from "../../base/mod.ts";

/** How long a refusal is waited for; who has not refused by then is there, or nothing proves otherwise. */
const REFUSAL_TIMEOUT_MS = 50;

/**
 * Whether a port refuses connections, which proves that nobody listens there.
 *
 * @param address Where.
 * @returns Whether it refused; false when it answered or stayed silent.
 */
export async function isRefused({ host, port }: HostPort): Promise<boolean> {
  const signal = AbortSignal.timeout(REFUSAL_TIMEOUT_MS);
  const { kind } = await reach({ hostname: host, port }, signal);
  return kind === "refused";
}
