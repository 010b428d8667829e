import type { MemberOrder, OrderOutcome } from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { noteConfiguration } from "./configuring.ts";
import { stopServer } from "./standby_steps.ts";

const DONE: OrderOutcome = { done: true, why: "" };
/** What was asked for longer ago, while nobody was there to do it, is wanted no more. */
const MAX_AGE_MS = 600_000;

/** Does what an operator has asked of this member, when nothing else is under way. */
export async function keepOrders(body: Body): Promise<void> {
  const { ports, id } = body.options;
  const { phase, members } = ports.state();
  const order = members.get(id)?.order ?? null;
  if (!order || order.outcome !== null || body.job !== null) return;
  // Whoever has sealed, or is about to reign, is needed as it is.
  if (phase.kind !== "open" || phase.handover) return;
  const outcome = body.orderNumber === order.number
    ? outcomeOf(body, order)
    : await begin(body, order);
  if (outcome === null) return;
  await ports.propose({ type: "fulfil", id, number: order.number, outcome });
}

/** Begins an order; returns what became of it where that is known at once. */
async function begin(
  body: Body,
  order: MemberOrder,
): Promise<OrderOutcome | null> {
  const { options } = body;
  const { number, kind } = order;
  const why = whyNot(body, order);
  if (why !== null) return { done: false, why };
  options.log("info", `An operator asks for a ${kind}`);
  body.orderNumber = number;
  switch (kind) {
    case "reload":
      await options.instance.reload();
      await noteConfiguration(body);
      return DONE;
    case "restart":
      await stopServer(body, "fast", "An operator asks for a restart");
      body.waker.poke();
      return null;
    case "reinit":
      body.mustClone = true;
      body.waker.poke();
      return null;
  }
}

/** It may have become the primary since it was asked, or have been away. */
function whyNot(
  { view, options: { ports } }: Body,
  { kind, inPlace, atMs }: MemberOrder,
): string | null {
  if (ports.wallMs() - atMs > MAX_AGE_MS) {
    return "It was asked for too long ago; ask again";
  }
  if (view?.server.kind !== "primary") return null;
  if (kind === "reinit") {
    return "It is the primary, whose data is what others copy";
  }
  return kind === "restart" && !inPlace
    ? "It is the primary by now; ask again"
    : null;
}

/** What became of an order that was begun; null while it is under way. */
function outcomeOf(
  { view, mustClone }: Body,
  { kind }: MemberOrder,
): OrderOutcome | null {
  const server = view?.server;
  switch (kind) {
    case "reload":
      return DONE;
    case "restart":
      return server?.kind === "standby" || server?.kind === "primary"
        ? DONE
        : null;
    case "reinit":
      return !mustClone && server?.kind === "standby" && server.streaming
        ? DONE
        : null;
  }
}
