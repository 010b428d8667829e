import { shape, textAt } from "../ctl/shape.ts";
import type { DemoNode } from "./node.ts";
import type { Action } from "./screen.ts";
import type { ClusterView } from "./view.ts";

/** What an action came to: it happened, or why it did not. */
export type Done =
  | { readonly kind: "done"; readonly what: string }
  | { readonly kind: "refused"; readonly why: string };

/** A switchover answers within a minute. */
const SWITCHOVER_TIMEOUT_MS = 75_000;

function named(nodes: readonly DemoNode[]): string {
  const ids = nodes.map(({ id }) => String(id));
  return ids.length === 1
    ? `node ${ids[0]} was`
    : `nodes ${ids.join(", ")} were`;
}

async function switchOver(nodes: readonly DemoNode[]): Promise<Done> {
  const node = nodes.find((one) => one.condition() === "running");
  if (node === undefined) {
    return { kind: "refused", why: "No node runs: bring one back" };
  }
  const response = await fetch(
    `http://127.0.0.1:${node.ports.api}/v1/switchover`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(SWITCHOVER_TIMEOUT_MS),
    },
  );
  const answer = shape(await response.json());
  if (response.ok) return { kind: "done", what: "the primary was changed" };
  const why = textAt(answer, "detail") ?? `status ${response.status}`;
  return { kind: "refused", why: `There was no switchover: ${why}` };
}

/**
 * Does what a person asked for.
 *
 * @param action What.
 * @param nodes The nodes.
 * @param view The newest picture of them.
 * @returns What it came to.
 */
export async function act(
  action: Exclude<Action, "quit">,
  nodes: readonly DemoNode[],
  view: ClusterView | null,
): Promise<Done> {
  const primary = nodes.find(({ id }) => id === view?.primary?.id);
  const refused = (why: string): Done => ({ kind: "refused", why });
  switch (action) {
    case "switchover":
      return await switchOver(nodes);
    case "kill":
      if (primary?.condition() !== "running") {
        return refused(
          "There is no primary to kill: wait, or bring nodes back",
        );
      }
      await primary.kill();
      return { kind: "done", what: `${named([primary])} killed` };
    case "freeze":
      if (primary?.condition() !== "running") {
        return refused("There is no primary to freeze: wait, or thaw");
      }
      primary.freeze();
      return { kind: "done", what: `${named([primary])} frozen` };
    case "thaw": {
      const frozen = nodes.filter((node) => node.condition() === "frozen");
      if (frozen.length === 0) return refused("No node is frozen");
      for (const node of frozen) node.thaw();
      return { kind: "done", what: `${named(frozen)} thawed` };
    }
    case "back": {
      const gone = nodes.filter((node) =>
        ["killed", "ended"].includes(node.condition())
      );
      if (gone.length === 0) return refused("No node was killed");
      for (const node of gone) node.start();
      return { kind: "done", what: `${named(gone)} brought back` };
    }
  }
}
