import { join } from "node:path";
import type { Lsn } from "../../base/mod.ts";

/** What pg_control says of a data directory. */
export interface ControlData {
  /** Decimal, as PostgreSQL writes it. */
  readonly systemId: string;
  /** How the server was left. */
  readonly controlState: ControlState;
  /** The timeline of the last checkpoint; the server may be on a later one. */
  readonly timeline: number;
  /** Where the last checkpoint stands. */
  readonly checkpointLsn: Lsn;
  /** How far recovery must go before the data is consistent. */
  readonly minRecoveryLsn: Lsn;
  /** The timeline of that position; 0 when there is none. */
  readonly minRecoveryTimeline: number;
  /** How long a file of WAL is. */
  readonly segmentBytes: number;
  /** Whether data pages carry checksums. */
  readonly hasChecksums: boolean;
  /** Whether hint bits are logged, as pg_rewind needs where there are no checksums. */
  readonly walLogHints: boolean;
  /** What whoever wrote its log had of the settings that a standby must not have less of (T30). */
  readonly leastSettings: ReadonlyMap<string, number>;
}

/** The settings that a standby must not have less of than its primary, and where pg_control has them (T30). */
const LEAST_SETTING_OFFSETS: readonly (readonly [string, number])[] = [
  ["max_connections", 180],
  ["max_worker_processes", 184],
  ["max_wal_senders", 188],
  ["max_prepared_transactions", 192],
  ["max_locks_per_transaction", 196],
];

/** Their names. */
export const LEAST_SETTING_NAMES: readonly string[] = LEAST_SETTING_OFFSETS
  .map(([name]) => name);

/** How the server was left, in the words of pg_controldata. */
export type ControlState =
  | "starting up"
  | "shut down"
  | "shut down in recovery"
  | "shutting down"
  | "in crash recovery"
  | "in archive recovery"
  | "in production";

const STATES: readonly ControlState[] = [
  "starting up",
  "shut down",
  "shut down in recovery",
  "shutting down",
  "in crash recovery",
  "in archive recovery",
  "in production",
];

/** The layouts of versions 14 to 18 differ only behind what is read, but for where the checksum is. */
const CRC_OFFSETS: ReadonlyMap<number, number> = new Map([
  [1300, 288],
  [1700, 288],
  [1800, 292],
]);

const CRC32C_POLYNOMIAL = 0x82f63b78;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc & 1) === 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
  }
  return crc;
});

/** The checksum that PostgreSQL uses. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/**
 * Reads pg_control's bytes.
 *
 * @param bytes The file.
 * @returns What it says, or as a text why it cannot be read.
 */
export function parseControl(bytes: Uint8Array): ControlData | string {
  if (bytes.length < 296) return `it has ${bytes.length} bytes only`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8, true);
  const crcAt = CRC_OFFSETS.get(version);
  if (crcAt === undefined) {
    return `it has format ${version}, which is not known`;
  }
  if (crc32c(bytes.subarray(0, crcAt)) !== view.getUint32(crcAt, true)) {
    return "its checksum is wrong";
  }
  const controlState = STATES[view.getUint32(16, true)];
  if (controlState === undefined) return "its state is not known";
  const lsn = (at: number): Lsn => Number(view.getBigUint64(at, true));
  return {
    systemId: view.getBigUint64(0, true).toString(),
    controlState,
    timeline: view.getUint32(48, true),
    checkpointLsn: lsn(32),
    minRecoveryLsn: lsn(136),
    minRecoveryTimeline: view.getUint32(144, true),
    segmentBytes: view.getUint32(228, true),
    walLogHints: view.getUint8(176) !== 0,
    hasChecksums: view.getUint32(252, true) !== 0,
    leastSettings: new Map(
      LEAST_SETTING_OFFSETS.map((
        [name, at],
      ) => [name, view.getInt32(at, true)]),
    ),
  };
}

/** A running server writes the file while we read it; then another look helps. */
const MAX_READS = 5;

/**
 * Reads a data directory's pg_control, also while the server runs.
 *
 * @param dataDir The data directory.
 * @returns What it says, or as a text why it cannot be read.
 */
export async function readControl(
  dataDir: string,
): Promise<ControlData | string> {
  let found: ControlData | string = "it was not read";
  for (let reads = 0; reads < MAX_READS && typeof found === "string"; reads++) {
    found = parseControl(
      await Deno.readFile(join(dataDir, "global", "pg_control")),
    );
  }
  return found;
}
