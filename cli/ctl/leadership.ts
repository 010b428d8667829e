import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { optional } from "../options.ts";
import type { TextType } from "../text_types.ts";
import { NODE_ID_TYPE } from "./nodes.ts";
import { confirm, ctlCommand, type Session } from "./session.ts";
import { shape, shown } from "./shape.ts";

const TARGET_TYPE: TextType<number> = {
  ...NODE_ID_TYPE,
  placeholder: "TARGET",
};

async function moveLeadership(
  session: Session,
  path: string,
  body: unknown,
): Promise<number> {
  const answer = shape(
    await session.client.call({
      method: "POST",
      path,
      body,
      happensOnce: false,
    }),
  );
  const words = `Node ${shown(answer, "leader_id")} leads in term ${
    shown(answer, "term")
  }`;
  await confirm(session, answer, words);
  return EXIT.ok;
}

/** Commands about the Raft group as such. */
export const LEADERSHIP: readonly Command[] = [
  ctlCommand({
    path: "ctl transfer",
    summary: "Hand the leadership of the Raft group to another node",
    examples: [
      { line: "pgraft ctl transfer", does: "Let the leader choose" },
      { line: "pgraft ctl transfer 2", does: "Hand it to node 2" },
    ],
    options: {},
    args: {
      target: optional(
        TARGET_TYPE,
        "The node that is to lead; else the leader chooses",
      ),
    },
    run: ({ args }, session) =>
      moveLeadership(
        session,
        "/v1/transfer",
        args.target === null ? {} : { target: args.target },
      ),
  }),
  ctlCommand({
    path: "ctl election",
    aliases: ["ctl force-election"],
    summary: "Let the node that is asked stand for leadership now",
    examples: [{
      line: "pgraft ctl --api 10.0.0.2:8008 election",
      does: "Let the node at 10.0.0.2 stand",
    }],
    options: {},
    args: {},
    run: (_call, session) => moveLeadership(session, "/v1/election", {}),
  }),
  ctlCommand({
    path: "ctl snapshot",
    summary: "Let the node that is asked take a snapshot of its state now",
    examples: [{
      line: "pgraft ctl snapshot",
      does: "Take one on this machine's node",
    }],
    options: {},
    args: {},
    run: async (_call, session) => {
      const answer = await session.client.call({
        method: "POST",
        path: "/v1/snapshot",
        body: {},
        happensOnce: false,
      });
      await confirm(session, answer, "A snapshot is being taken");
      return EXIT.ok;
    },
  }),
];
