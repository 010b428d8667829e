import { type Clock, invariant } from "../../base/mod.ts";
import { keepFresh } from "../renewal/mod.ts";
import { checkTls, subjectOf, type TlsUse } from "./check.ts";
import {
  certificatesIn,
  readTlsFiles,
  type TlsFiles,
  type TlsMaterial,
} from "./files.ts";
import { tryTls } from "./trial.ts";

/** What a store tells, for a log. */
export interface TlsEvents {
  /** New certificates are in use. */
  readonly renewed: (subject: string, expiresAt: Date) => void;
  /** The files can't be used; what was in use stays so. */
  readonly failed: (why: string) => void;
  /** The certificate in use ends soon, or has ended. */
  readonly ending: (subject: string, expiresAt: Date, isOver: boolean) => void;
}

/** Options for {@linkcode openTlsStore}. */
export interface TlsStoreOptions {
  readonly files: TlsFiles;
  readonly use: TlsUse;
  /** Whether callers must show a certificate that `files.ca` has signed. */
  readonly asksCallers: boolean;
  readonly clock: Clock;
  readonly events: TlsEvents;
  /**
   * The date.
   *
   * @default {() => new Date()}
   */
  readonly now?: () => Date;
}

/** Certificates that follow their files. */
export interface TlsStore {
  readonly asksCallers: boolean;
  current(): TlsMaterial;
  /** Tells of every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** When the certificate in use ends. */
  expiresAt(): Date;
  /** Looks at the files now, without waiting for the next turn. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
/** From when on the end of a certificate is told, once a day: so long before, or in the last third of its life. */
const ENDING_MS = 14 * DAY_MS;
const ENDING_SHARE = 1 / 3;

/**
 * Reads certificates, checks that others will accept them, and follows their files from then on.
 *
 * @param options Where they stand and what they are for.
 * @throws {TlsError} When they can't be used, with the way out.
 */
export async function openTlsStore(
  options: TlsStoreOptions,
): Promise<TlsStore> {
  const { files, clock, asksCallers, events } = options;
  const now = options.now ?? ((): Date => new Date());
  const initial = await readTlsFiles(files);
  await verifyTls(files, initial, options.use, now());
  const listeners = new Set<() => void>();
  const state: State = {
    material: initial,
    identity: identityOf(initial),
    toldAtMs: -Infinity,
  };
  const tellEnding = (): void => tell(state, events, now());
  tellEnding();
  const renewal = keepFresh({
    clock,
    initial,
    read: async () => {
      tellEnding();
      const found = await readTlsFiles(files);
      if (!isSame(found, state.material)) {
        await verifyTls(files, found, options.use, now());
      }
      return found;
    },
    isSame,
    take: (material) => {
      state.material = material;
      state.identity = identityOf(material);
      state.toldAtMs = -Infinity;
      for (const listener of listeners) listener();
      events.renewed(state.identity.subject, state.identity.expiresAt);
    },
    failed: events.failed,
  });
  return {
    asksCallers,
    current: () => state.material,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    expiresAt: () => state.identity.expiresAt,
    look: renewal.look,
    stop: renewal.stop,
  };
}

/**
 * Checks that others will accept certificates.
 *
 * @param files Where they stand.
 * @param material What they are.
 * @param use What they are for.
 * @param now The date.
 * @throws {TlsError} When they will not, with the way out.
 */
export async function verifyTls(
  files: TlsFiles,
  material: TlsMaterial,
  use: TlsUse,
  now: Date,
): Promise<void> {
  checkTls(files, material, use, now);
  const { ca } = material;
  if (ca !== null) await tryTls(files, { ...material, ca }, use.isCaller);
}

interface State {
  material: TlsMaterial;
  identity: Identity;
  toldAtMs: number;
}

interface Identity {
  readonly subject: string;
  readonly expiresAt: Date;
  /** From when on its end is told. */
  readonly endingAtMs: number;
}

function identityOf({ cert }: TlsMaterial): Identity {
  const [own] = certificatesIn(cert);
  invariant(own !== undefined, "what was read holds a certificate");
  const expiresAt = new Date(own.validTo);
  const endMs = expiresAt.getTime();
  const lifeMs = endMs - new Date(own.validFrom).getTime();
  const endingAtMs = endMs - Math.min(ENDING_MS, lifeMs * ENDING_SHARE);
  return { subject: subjectOf(own), expiresAt, endingAtMs };
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca;
}

function tell(state: State, { ending }: TlsEvents, now: Date): void {
  const { subject, expiresAt, endingAtMs } = state.identity;
  if (now.getTime() < endingAtMs) return;
  const isOver = expiresAt <= now;
  // Its end is news, whatever was told before.
  const isNews = isOver && state.toldAtMs < expiresAt.getTime();
  if (!isNews && now.getTime() - state.toldAtMs < DAY_MS) return;
  state.toldAtMs = now.getTime();
  ending(subject, expiresAt, isOver);
}
