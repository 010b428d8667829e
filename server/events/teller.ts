import type { ClusterState } from "../../pg/cluster/mod.ts";
import type { Leadership } from "../../raft/mod.ts";
import type { ClusterSettings } from "../machine/mod.ts";
import { eventsBetween, isSamePostgres } from "./between.ts";
import type { Journal } from "./journal.ts";
import type { Picture, PictureMember, PicturePostgres } from "./picture.ts";

/** What is looked at; each is cheap to ask, but for `members`. */
export interface Sights {
  stage(): string;
  waitingFor(): string | null;
  isDiskFull(): boolean;
  /** Null while the node takes no part. */
  leadership(): Leadership | null;
  members(): readonly PictureMember[];
  cluster(): ClusterState;
  settings(): ClusterSettings;
  /** What is heard of a member's PostgreSQL; null for nothing. */
  postgres(id: number): PicturePostgres | null;
}

/** Tells a journal what changes. */
export interface Teller {
  /** Something in the group or of the node may have changed; cheap where nothing has. */
  look(): void;
  /** Something may have been heard of a PostgreSQL. */
  lookAtPostgres(): void;
  /** All is applied that was committed when the node began: from now on every change is news. */
  caughtUp(): void;
  /** Everything as it was last seen. */
  picture(): Picture;
}

/**
 * Makes what tells of changes. What a node finds when it starts, or reads of the log until it has caught up,
 * is no news: from then on every change is.
 *
 * @param journal Where it is told.
 * @param sights What is looked at.
 */
export function createTeller(journal: Journal, sights: Sights): Teller {
  let seen: Picture = {
    stage: "starting",
    waitingFor: null,
    isDiskFull: false,
    raft: null,
    members: [],
    cluster: sights.cluster(),
    settings: sights.settings(),
    postgres: new Map(),
  };
  let isCaughtUp = false;

  /** Until it has caught up, what is replicated is taken as it is. */
  const takeAsIs = (): void => {
    if (isCaughtUp) return;
    seen = {
      ...seen,
      cluster: sights.cluster(),
      settings: sights.settings(),
    };
  };
  const take = (after: Picture): void => {
    const before = seen;
    seen = after;
    for (const event of eventsBetween(before, after)) journal.tell(event);
  };
  return {
    picture: () => seen,
    caughtUp(): void {
      takeAsIs();
      isCaughtUp = true;
    },
    look(): void {
      takeAsIs();
      if (isSame(seen, sights)) return;
      const raft = sights.leadership();
      const isNewGroup = raft !== null &&
        raft.configurationIndex !== seen.raft?.configurationIndex;
      const members = isNewGroup ? sights.members() : seen.members;
      // Who was there already has not come in.
      if (!isCaughtUp) seen = { ...seen, members };
      take({
        ...seen,
        stage: sights.stage(),
        waitingFor: sights.waitingFor(),
        isDiskFull: sights.isDiskFull(),
        raft,
        members,
        cluster: sights.cluster(),
        settings: sights.settings(),
      });
    },
    lookAtPostgres(): void {
      const heard = heardNews(seen, sights);
      if (heard) take({ ...seen, postgres: heard });
    },
  };
}

function isSame(seen: Picture, sights: Sights): boolean {
  const raft = sights.leadership();
  return seen.stage === sights.stage() &&
    seen.isDiskFull === sights.isDiskFull() &&
    seen.cluster === sights.cluster() &&
    seen.settings === sights.settings() && isSameRaft(seen.raft, raft);
}

function isSameRaft(
  one: Leadership | null,
  other: Leadership | null,
): boolean {
  if (one === null || other === null) return one === other;
  return one.role === other.role && one.term === other.term &&
    one.leaderId === other.leaderId &&
    one.configurationIndex === other.configurationIndex;
}

/** What is heard of all PostgreSQLs, where that is anything new. */
function heardNews(
  seen: Picture,
  sights: Sights,
): Map<number, PicturePostgres> | null {
  let isNews = false;
  const heard = new Map<number, PicturePostgres>();
  for (const id of seen.cluster.members.keys()) {
    const former = seen.postgres.get(id);
    const now = sights.postgres(id) ?? former;
    if (!now) continue;
    isNews ||= !former || !isSamePostgres(former, now);
    heard.set(id, now);
  }
  return isNews ? heard : null;
}
