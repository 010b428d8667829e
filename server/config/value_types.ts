import {
  type DurationUnit,
  formatByteSize,
  formatDuration,
  formatHostPort,
  type HostPort,
  parseByteSize,
  parseDurationMs,
  parseHostPort,
} from "../../base/mod.ts";

/** What a text was read as; a reason says more than that the text is not allowed. */
export type ParsedValue<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason?: string };

/** How the values of a setting are read, written and described. */
export interface ValueType<T> {
  /** Stands for a value in the help, such as `HOST:PORT`. */
  readonly placeholder: string;
  /** What is allowed, to be read after "allowed:". */
  readonly allowed: string;
  /** Reads a value. */
  parse(text: string): ParsedValue<T>;
  /** Writes a value so that `parse` reads it back. */
  format(value: T): string;
}

/** The least and the greatest value that are allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A founding member. */
export interface FoundingMember {
  readonly id: number;
  /** Where its Raft peers reach it. */
  readonly address: HostPort;
}

/** The least and the greatest id of a member. */
export const MEMBER_IDS: Range = { min: 1, max: 1000 };

/** How far a process may claim to run before others. */
export const NICE: Range = { min: -20, max: 0 };

const REFUSED = { ok: false } as const;

function accept<T>(value: T): ParsedValue<T> {
  return { ok: true, value };
}

function inRange(value: number | null, range: Range): ParsedValue<number> {
  if (value === null || value < range.min || value > range.max) return REFUSED;
  return accept(value);
}

/**
 * A whole number.
 *
 * @param range What is allowed.
 * @returns The type.
 */
export function integerType(range: Range): ValueType<number> {
  return {
    placeholder: "N",
    allowed: `a whole number from ${range.min} to ${range.max}`,
    parse: (text) =>
      inRange(/^-?\d{1,15}$/.test(text) ? Number(text) : null, range),
    format: String,
  };
}

/**
 * A size in bytes.
 *
 * @param range What is allowed, in bytes.
 * @returns The type.
 */
export function byteSizeType(range: Range): ValueType<number> {
  const [min, max] = [range.min, range.max].map(formatByteSize);
  return {
    placeholder: "SIZE",
    allowed:
      `a size from ${min} to ${max} (B, kB, MB, GB, TB; a plain number counts bytes)`,
    parse: (text) => inRange(parseByteSize(text), range),
    format: formatByteSize,
  };
}

/**
 * A duration.
 *
 * @param range What is allowed, in milliseconds.
 * @param unit What a plain number counts.
 * @returns The type, with values in milliseconds.
 */
export function durationType(
  range: Range,
  unit: DurationUnit,
): ValueType<number> {
  const [min, max] = [range.min, range.max].map(formatDuration);
  return {
    placeholder: "DURATION",
    allowed:
      `a duration from ${min} to ${max} (ms, s, min, h, d; a plain number counts ${unit})`,
    parse: (text) => inRange(parseDurationMs(text, { unit }), range),
    format: formatDuration,
  };
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["on", true],
  ["yes", true],
  ["1", true],
  ["false", false],
  ["off", false],
  ["no", false],
  ["0", false],
]);

/** True or false, in PostgreSQL's words. */
export const BOOLEAN_TYPE: ValueType<boolean> = {
  placeholder: "BOOLEAN",
  allowed: "true or false (also on, off, yes, no, 1, 0)",
  parse: (text) => {
    const value = BOOLEANS.get(text.toLowerCase());
    return value === undefined ? REFUSED : accept(value);
  },
  format: String,
};

/**
 * One of some words.
 *
 * @param words The words.
 * @param synonyms Other words for them.
 * @returns The type; upper and lower case are the same.
 */
export function wordType<const W extends string>(
  words: readonly W[],
  synonyms: Readonly<Record<string, W>> = {},
): ValueType<W> {
  const others = new Map<string, W>(Object.entries(synonyms));
  return {
    placeholder: words.join("|"),
    allowed: words.join(", "),
    parse: (text) => {
      const wanted = text.toLowerCase();
      const word = words.find((known) => known === wanted) ??
        others.get(wanted);
      return word === undefined ? REFUSED : accept(word);
    },
    format: (word) => word,
  };
}

/** A name that fits into file names, slot names and log lines. */
export const NAME_TYPE: ValueType<string> = {
  placeholder: "NAME",
  allowed:
    "1 to 63 letters, digits, _ . - of ASCII, the first a letter or digit",
  parse: (text) =>
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text) ? accept(text) : REFUSED,
  format: (text) => text,
};

/** The name of a role or user of another program, which may hold any printable character. */
export const USER_TYPE: ValueType<string> = {
  placeholder: "USER",
  allowed: "1 to 63 bytes without control characters",
  parse: (text) => {
    const length = new TextEncoder().encode(text).length;
    return length >= 1 && length <= 63 && !hasControl(text)
      ? accept(text)
      : REFUSED;
  },
  format: (text) => text,
};

/** A path. Relative ones are refused: a service has no directory to start from. */
export const PATH_TYPE: ValueType<string> = {
  placeholder: "PATH",
  allowed: "an absolute path",
  parse: (text) => {
    if (!text.startsWith("/") || hasControl(text)) return REFUSED;
    const trimmed = text.replace(/\/+$/, "");
    return accept(trimmed === "" ? "/" : trimmed);
  },
  format: (text) => text,
};

/** An address. */
export const ADDRESS_TYPE: ValueType<HostPort> = {
  placeholder: "HOST:PORT",
  allowed: "host:port, with IPv6 in brackets and a port from 1 to 65535",
  parse: (text) => {
    const address = parseHostPort(text);
    return address === null ? REFUSED : accept(address);
  },
  format: formatHostPort,
};

/** The founding members: `1@10.0.0.1:7400, 2@[fd00::2]:7400`, or nothing. */
export const MEMBERS_TYPE: ValueType<readonly FoundingMember[]> = {
  placeholder: "MEMBERS",
  allowed:
    "a list like 1@10.0.0.1:7400, 2@10.0.0.2:7400 with ids from 1 to 1000",
  parse: (text) => {
    const members: FoundingMember[] = [];
    for (const item of listItems(text)) {
      const member = parseMember(item);
      if (member === null) {
        return { ok: false, reason: `${JSON.stringify(item)} is no member` };
      }
      const reason = repeats(member, members);
      if (reason !== null) return { ok: false, reason };
      members.push(member);
    }
    return accept(members.sort((a, b) => a.id - b.id));
  },
  format: (members) =>
    members.map(({ id, address }) => `${id}@${formatHostPort(address)}`).join(
      ", ",
    ),
};

/** Peers of a running cluster; ids, as in a list of members, are allowed and not needed. */
export const PEERS_TYPE: ValueType<readonly HostPort[]> = {
  placeholder: "PEERS",
  allowed: "a list like 10.0.0.1:7400, 10.0.0.2:7400",
  parse: (text) => {
    const peers: HostPort[] = [];
    for (const item of listItems(text)) {
      const peer = item.includes("@")
        ? parseMember(item)?.address
        : parseHostPort(item);
      if (peer === undefined || peer === null) {
        return { ok: false, reason: `${JSON.stringify(item)} is no address` };
      }
      peers.push(peer);
    }
    return accept(peers);
  },
  format: (peers) => peers.map(formatHostPort).join(", "),
};

/**
 * A value that may be left empty.
 *
 * @param type The type of a value that is not empty.
 * @param empty What an empty value means, to be read after "empty for".
 * @returns The type, with null for an empty value.
 */
export function optionalType<T>(
  type: ValueType<T>,
  empty: string,
): ValueType<T | null> {
  return {
    placeholder: type.placeholder,
    allowed: `${type.allowed}, or empty for ${empty}`,
    parse: (text) => text === "" ? accept(null) : type.parse(text),
    format: (value) => value === null ? "" : type.format(value),
  };
}

/**
 * Tells whether a text holds a control character, which no line of a configuration can hold.
 *
 * @param text The text.
 * @returns Whether it does; a tab is none.
 */
export function hasControl(text: string): boolean {
  return /[^\P{Cc}\t]/u.test(text);
}

function listItems(text: string): string[] {
  return text.trim() === "" ? [] : text.split(",").map((item) => item.trim());
}

function parseMember(item: string): FoundingMember | null {
  const at = item.indexOf("@");
  const idText = item.slice(0, Math.max(at, 0));
  const address = parseHostPort(item.slice(at + 1));
  if (address === null || !/^\d{1,4}$/.test(idText)) return null;
  const id = Number(idText);
  return id < MEMBER_IDS.min || id > MEMBER_IDS.max ? null : { id, address };
}

function repeats(
  member: FoundingMember,
  earlier: readonly FoundingMember[],
): string | null {
  const address = formatHostPort(member.address);
  for (const other of earlier) {
    if (other.id === member.id) return `id ${member.id} stands there twice`;
    if (formatHostPort(other.address) === address) {
      return `${address} stands there twice`;
    }
  }
  return null;
}
