import type { MemberOrder, OrderOutcome } from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { noteConfiguration } from "./configuring.ts";
import { stopServer } from "./standby_steps.ts";

const DONE: OrderOutcome = { done: true, why: "" };

/** Does what an operator has asked of this member, when nothing else is under way. */
export async function keepOrders(body: Body): Promise<void> {
  const { ports, id } = body.options;
  const order = ports.state().members.get(id)?.order ?? null;
  if (!order || order.outcome !== null || body.job !== null) return;
  const outcome = body.orderNumber === order.number
    ? outcomeOf(body, order)
    : await begin(body, order);
  if (outcome === null) return;
  await ports.propose({ type: "fulfil", id, number: order.number, outcome });
}

/** Begins an order; returns what became of it where that is known at once. */
async function begin(
  body: Body,
  { number, kind }: MemberOrder,
): Promise<OrderOutcome | null> {
  const { options, view } = body;
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
      if (view?.server.kind === "primary") {
        const why = "It is the primary, whose data is what others copy";
        return { done: false, why };
      }
      body.mustClone = true;
      body.waker.poke();
      return null;
  }
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
