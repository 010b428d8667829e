import { nearest } from "../../base/mod.ts";
import { lookUpName, type NameTarget, SETTINGS } from "./names.ts";
import type { Assignment, ConfigProblem, Layer } from "./origin.ts";
import { BOOLEAN_TYPE } from "./value_types.ts";

/** What the command line holds. */
export interface ArgumentsLayer extends Layer {
  /** The file of `--config`, or null. */
  readonly configFile: string | null;
}

const SHORT_FLAGS: ReadonlyMap<string, string> = new Map([
  ["-c", "--config"],
  ["-l", "--log-level"],
  ["-L", "--log-file"],
  ["-p", "--pid-file"],
  ["-D", "--daemonize"],
]);

interface Reading {
  readonly rest: string[];
  readonly assignments: Assignment[];
  readonly errors: ConfigProblem[];
  configFile: string | null;
}

interface Flag {
  readonly name: string;
  /** What stands behind `=`. */
  readonly inline: string | null;
}

function splitFlag(argument: string): Flag {
  const equals = argument.indexOf("=");
  const written = equals < 0 ? argument : argument.slice(0, equals);
  return {
    name: SHORT_FLAGS.get(written) ?? written,
    inline: equals < 0 ? null : argument.slice(equals + 1),
  };
}

function nameOfFlag(flag: string): string {
  const setting = SETTINGS.find((known) => known.flag === flag);
  return setting?.name ?? flag.slice(2).replaceAll("-", "_");
}

function isBoolean(target: NameTarget): boolean {
  return target.kind === "setting" && target.setting.row.type === BOOLEAN_TYPE;
}

/** Takes the flag's value: behind `=`, else the next argument unless that is a flag itself. */
function takeValue(flag: Flag, reading: Reading): string | null {
  if (flag.inline !== null) return flag.inline;
  const next = reading.rest[0];
  if (next === undefined || next.startsWith("-")) return null;
  reading.rest.shift();
  return next;
}

/** A boolean flag alone means true; it takes the next argument only when that is a boolean. */
function takeBoolean(flag: Flag, reading: Reading): string {
  const next = reading.rest[0];
  const isValue = next !== undefined && BOOLEAN_TYPE.parse(next).ok;
  return flag.inline === null && !isValue
    ? "true"
    : takeValue(flag, reading) ?? "true";
}

function refuse(reading: Reading, flag: string, message: string): void {
  reading.errors.push({ origin: { kind: "flag", flag }, message });
}

function readConfigFlag(flag: Flag, reading: Reading): void {
  const path = takeValue(flag, reading);
  if (path === null || path === "") {
    return refuse(reading, flag.name, "A file is missing after it");
  }
  if (reading.configFile !== null && reading.configFile !== path) {
    return refuse(
      reading,
      flag.name,
      `Both ${reading.configFile} and ${path} are given`,
    );
  }
  reading.configFile = path;
}

function readSetFlag(flag: Flag, reading: Reading): void {
  const pair = takeValue(flag, reading) ?? "";
  const equals = pair.indexOf("=");
  if (equals <= 0) {
    return refuse(reading, flag.name, "It is followed by section.key=value");
  }
  const name = pair.slice(0, equals).trim();
  const origin = { kind: "flag", flag: `${flag.name} ${name}` } as const;
  const key = name.slice(name.lastIndexOf(".") + 1);
  reading.assignments.push({
    name,
    key,
    text: pair.slice(equals + 1).trim(),
    origin,
  });
}

function unknownFlag(flag: string): string {
  const known = [
    "--config",
    "--set",
    ...SETTINGS.map((setting) => setting.flag),
  ];
  const meant = nearest(flag, known);
  return `There is no such flag${
    meant === null ? "" : `; did you mean ${meant}`
  }`;
}

function readSettingFlag(flag: Flag, reading: Reading): void {
  const name = nameOfFlag(flag.name);
  const target = lookUpName(name, name);
  if (target === null || target.kind === "free") {
    // What follows is most likely its value, and not a second mistake.
    takeValue(flag, reading);
    return refuse(reading, flag.name, unknownFlag(flag.name));
  }
  const takes = isBoolean(target) ? takeBoolean : takeValue;
  const text = takes(flag, reading);
  if (text === null && target.kind === "setting") {
    const { allowed } = target.setting.row.type;
    return refuse(
      reading,
      flag.name,
      `A value is missing after it; allowed: ${allowed}`,
    );
  }
  const origin = { kind: "flag", flag: flag.name } as const;
  reading.assignments.push({
    name,
    key: name,
    text: (text ?? "").trim(),
    origin,
  });
}

function readArgument(argument: string, reading: Reading): void {
  const flag = splitFlag(argument);
  if (!flag.name.startsWith("--") || flag.name === "--") {
    return refuse(reading, argument, "No such argument is expected here");
  }
  if (flag.name === "--config") return readConfigFlag(flag, reading);
  if (flag.name === "--set") return readSetFlag(flag, reading);
  readSettingFlag(flag, reading);
}

/**
 * Reads the settings on the command line: `--section-key VALUE`, `--section-key=VALUE`,
 * `--set section.key=value` and `--config FILE`. Other names of a setting work as flags too.
 *
 * @param args The arguments after the command, without the command's own flags.
 * @returns What they set.
 */
export function readArguments(args: readonly string[]): ArgumentsLayer {
  const reading: Reading = {
    rest: [...args],
    assignments: [],
    errors: [],
    configFile: null,
  };
  for (;;) {
    const argument = reading.rest.shift();
    if (argument === undefined) break;
    readArgument(argument, reading);
  }
  const { assignments, errors, configFile } = reading;
  return { assignments, errors, warnings: [], configFile };
}
