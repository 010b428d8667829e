/**
 * What happens on a node and in its cluster, as the node learns of it: the last events, in order.
 *
 * @module
 */
export {
  createJournal,
  EVENT_KINDS,
  type EventDraft,
  type EventKind,
  type Journal,
  MAX_EVENTS,
  type NodeEvent,
} from "./journal.ts";
export type { Picture, PictureMember, PicturePostgres } from "./picture.ts";
export { createTeller, type Sights, type Teller } from "./teller.ts";
