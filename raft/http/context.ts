import type { Clock, Random } from "../../base/mod.ts";
import type { NodeId } from "../core/mod.ts";
import type { TransportEvents } from "../ports.ts";
import type { Authenticator } from "./auth.ts";
import type { OpeningRefusal, Self } from "./claim.ts";
import type { HttpTransportLimits } from "./limits.ts";
import type { PeerWire } from "./wire.ts";

/** What all peers of a transport share. */
export interface PeerContext {
  readonly self: Self;
  /** Null without a secret. */
  readonly authenticator: Authenticator | null;
  readonly wire: PeerWire;
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: TransportEvents;
  /** Takes what the layer above a peer tells. */
  readonly onNote: (peer: NodeId, data: Uint8Array) => void;
  /** Told once for each reason, until a stream stands. */
  readonly onRefused: (peer: NodeId, reason: OpeningRefusal) => void;
  /** Told what went wrong with a peer, in words. */
  readonly onTrouble: (peer: NodeId, what: string) => void;
}
