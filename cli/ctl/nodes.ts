import { formatHostPort, parseHost, parseHostPort } from "../../base/mod.ts";
import { type Command, type Group, group } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { flag, optional, required, requiredValue, value } from "../options.ts";
import {
  type TextType,
  textType,
  wholeNumberType,
  wordType,
} from "../text_types.ts";
import { confirm, ctlCommand, type Session } from "./session.ts";
import {
  hasPostgres,
  POSTGRES_COLUMNS,
  postgresCells,
  stateCell,
} from "./postgres.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";
import { shownAgo } from "./status.ts";
import { type Cell, tableLines } from "./table.ts";
import { show, type View, WATCH } from "./watch.ts";

const MAX_NODE_ID = 1000;
const MAX_PORT = 65535;

/** The number of a node. */
export const NODE_ID_TYPE: TextType<number> = wholeNumberType(
  "ID",
  1,
  MAX_NODE_ID,
);

/** The same, as an argument of commands about PostgreSQL. */
export const NODE_TYPE: TextType<number> = {
  ...NODE_ID_TYPE,
  placeholder: "NODE",
};

const COLUMNS = [
  "ID",
  "NAME",
  "ROLE",
  "LEADER",
  "RAFT ADDRESS",
  "API",
  "MATCH",
  "ACTIVE",
  "LAST CONTACT",
];

/** Columns for a cluster where somebody has PostgreSQL. */
const MORE_COLUMNS = ["POSTGRESQL", "STATE", "ADDRESS", ...POSTGRES_COLUMNS];

function raftCells(node: Shape): Cell[] {
  return [
    shown(node, "id"),
    shown(node, "name"),
    shown(node, "role"),
    node["leader"] === true ? { text: "yes", style: "bold" } : "no",
    shown(node, "raft_address"),
    shown(node, "api"),
    shown(node, "match_index"),
    node["active"] === false
      ? { text: "no", style: "red" }
      : shown(node, "active"),
    shownAgo(node, "last_contact_ms"),
  ];
}

function moreCells(cluster: Shape, member: Shape): Cell[] {
  if (!hasPostgres(member)) return MORE_COLUMNS.map(() => "-");
  const host = textAt(member, "host") ?? "";
  const port = numberAt(member, "port");
  return [
    shown(member, "role"),
    stateCell(member),
    port === null ? "-" : formatHostPort({ host, port }),
    ...postgresCells(cluster, member),
  ];
}

async function look({ client, paint }: Session): Promise<View> {
  const ask = async (path: string): Promise<Shape> =>
    shape(await client.call({ method: "GET", path, happensOnce: true }));
  const nodes = await ask("/v1/nodes");
  const cluster = await ask("/v1/cluster");
  const members = shapesAt(cluster, "members");
  const isShown = members.some(hasPostgres);
  const rows = shapesAt(nodes, "nodes").map((node) => {
    const id = numberAt(node, "id");
    const member = members.find((one) => numberAt(one, "id") === id) ?? {};
    return [
      ...raftCells(node),
      ...(isShown ? moreCells(cluster, member) : []),
    ];
  });
  const columns = [...COLUMNS, ...(isShown ? MORE_COLUMNS : [])];
  const text = tableLines(columns, rows, paint).join("\n");
  return { body: { ...nodes, members }, text, exitCode: EXIT.ok };
}

const LIST: Command = ctlCommand({
  path: "ctl nodes list",
  aliases: ["ctl nodes ls", "ctl show nodes", "ctl list-nodes"],
  summary: "List the members with their addresses and how far they are",
  about: [
    "With --json: the answer of /v1/nodes, and the members of /v1/cluster, which show PostgreSQL.",
  ],
  examples: [
    { line: "pgraft ctl nodes list", does: "List them" },
    {
      line: "pgraft ctl nodes list --watch 1 --json",
      does: "A line of JSON every second",
    },
  ],
  options: { watch: WATCH },
  args: {},
  run: ({ options }, session) =>
    show(session, options.watch, () => look(session)),
});

/** `HOST:PORT`, or the host and the port as two words. */
function raftAddress(address: string, port: number | null): string {
  const host = parseHost(address);
  const place = port === null
    ? parseHostPort(address)
    : host === null
    ? null
    : { host, port };
  if (place !== null) return formatHostPort(place);
  throw new CommandFailure(
    `"${address}" is no address of a node; write HOST:PORT, such as 10.0.0.4:7400`,
    EXIT.usage,
  );
}

const ADD: Command = ctlCommand({
  path: "ctl nodes add",
  aliases: ["ctl add-node"],
  summary: "Add a member",
  about: [
    "A node that is started with cluster.join adds itself; this is for one that cannot. It " +
    "begins as a learner unless --role says otherwise.",
  ],
  examples: [{
    line: "pgraft ctl nodes add 4 10.0.0.4:7400 --incarnation 8675309",
    does: "Add node 4",
  }],
  options: {
    incarnation: requiredValue(wholeNumberType("N", 1), {
      help: "Which life of the node's disk is meant, as that node itself says",
    }),
    role: value(wordType("ROLE", ["voter", "witness", "learner"]), {
      help: "What it will be: voter, witness or learner",
    }),
    expectedConfiguration: value(wholeNumberType("INDEX", 0), {
      help: "Only if the members are still those of this configuration_index",
    }),
  },
  args: {
    id: required(NODE_ID_TYPE, "The number of the node"),
    address: required(
      textType("HOST[:PORT]"),
      "Where peers reach it: its raft.advertise",
    ),
    port: optional(
      wholeNumberType("PORT", 1, MAX_PORT),
      "The port, when it does not stand in the address",
    ),
  },
  run: async ({ options, args }, session) => {
    const { incarnation, role, expectedConfiguration } = options;
    const address = raftAddress(args.address, args.port);
    const body = await session.client.call({
      method: "POST",
      path: "/v1/nodes",
      body: {
        id: args.id,
        incarnation,
        raft_address: address,
        ...(role === null ? {} : { role }),
        ...(expectedConfiguration === null
          ? {}
          : { expected_configuration_index: expectedConfiguration }),
      },
      happensOnce: false,
    });
    await confirm(session, body, `Node ${args.id} at ${address} is a member`);
    return EXIT.ok;
  },
});

const REMOVE: Command = ctlCommand({
  path: "ctl nodes remove",
  aliases: ["ctl nodes rm", "ctl remove-node"],
  summary: "Remove a member",
  examples: [
    { line: "pgraft ctl nodes remove 4", does: "Remove node 4" },
    {
      line: "pgraft ctl nodes remove 4 --force",
      does: "Remove it although too few members would be left alive",
    },
  ],
  options: {
    force: flag({
      short: "f",
      help: "Remove it although too few members would be left alive",
    }),
  },
  args: { id: required(NODE_ID_TYPE, "The number of the node") },
  run: async ({ options, args }, session) => {
    const body = await session.client.call({
      method: "DELETE",
      path: `/v1/nodes/${args.id}${options.force ? "?force=true" : ""}`,
      happensOnce: false,
    });
    await confirm(session, body, `Node ${args.id} is no member any more`);
    return EXIT.ok;
  },
});

const PROMOTE: Command = ctlCommand({
  path: "ctl nodes promote",
  summary: "Make a voter of a learner",
  examples: [{
    line: "pgraft ctl nodes promote 4",
    does: "Let node 4 vote, once it has caught up",
  }],
  options: {},
  args: { id: required(NODE_ID_TYPE, "The number of the node") },
  run: async ({ args }, session) => {
    const body = await session.client.call({
      method: "POST",
      path: `/v1/nodes/${args.id}/promote`,
      body: {},
      happensOnce: false,
    });
    await confirm(session, body, `Node ${args.id} is a voter`);
    return EXIT.ok;
  },
});

/** `pgraft ctl nodes`. */
export const NODES: readonly (Command | Group)[] = [
  group({
    path: "ctl nodes",
    aliases: ["ctl node"],
    summary: "List, add, remove and promote members",
    examples: [{ line: "pgraft ctl nodes list", does: "List the members" }],
    options: {},
  }),
  LIST,
  ADD,
  REMOVE,
  PROMOTE,
];
