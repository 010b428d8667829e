import { quoteIniValue } from "./ini.ts";
import type { LoadResult } from "./load.ts";
import { type KnownSetting, SETTINGS } from "./names.ts";
import { configValue, type NodeConfig } from "./node_config.ts";
import { formatOrigin, formatProblem, type Origin } from "./origin.ts";
import { FREE_SECTIONS } from "./free_sections.ts";
import { SECTIONS } from "./settings.ts";

const ASSIGNMENT_WIDTH = 48;
const HELP_INDENT = "        ";

const SECRET_NAME = /passphrase|secret|token|(^|[_.])password$/i;
const SECRET_VALUE = /passw(or)?d\s*=/i;

interface ReportLine {
  readonly key: string;
  readonly value: string;
  readonly origin: Origin | undefined;
}

function reportLine({ key, value, origin }: ReportLine): string {
  const assignment = `${key} = ${quoteIniValue(value)}`.trimEnd();
  const source = origin === undefined ? "default" : formatOrigin(origin);
  return `${assignment.padEnd(ASSIGNMENT_WIDTH)} ; ${source}`;
}

/** A password can stand in a parameter (`primary_conninfo`) or a rule (`ldapbindpasswd`). */
function freeLine(line: ReportLine): string {
  if (!SECRET_NAME.test(line.key) && !SECRET_VALUE.test(line.value)) {
    return reportLine(line);
  }
  const source = line.origin === undefined
    ? "default"
    : formatOrigin(line.origin);
  return `${
    `; ${line.key} is set and not shown`.padEnd(ASSIGNMENT_WIDTH)
  } ; ${source}`;
}

function freeEntries(
  config: NodeConfig,
  section: typeof FREE_SECTIONS[number]["name"],
): readonly (readonly [string, string])[] {
  return section === "postgresql.parameters"
    ? [...config.postgresql.parameters]
    : config.postgresql.hba.map(({ name, rule }) => [name, rule] as const);
}

function settingsOf(section: string): readonly KnownSetting[] {
  return SETTINGS.filter((setting) => setting.section === section);
}

function sectionReport(
  result: LoadResult & { readonly ok: true },
  section: string,
): string[] {
  const lines = settingsOf(section).map(({ name, property, row, section }) => {
    const value = row.type.format(
      configValue(result.config, section, property),
    );
    return reportLine({
      key: row.key,
      value,
      origin: result.sources.get(name),
    });
  });
  return [`[${section}]`, ...lines];
}

function freeReport(result: LoadResult & { readonly ok: true }): string[] {
  return FREE_SECTIONS.flatMap(({ name }) => {
    const entries = freeEntries(result.config, name);
    if (entries.length === 0) return [];
    const lines = entries.map(([key, value]) =>
      freeLine({ key, value, origin: result.sources.get(`${name}.${key}`) })
    );
    return [`[${name}]`, ...lines];
  });
}

/**
 * Writes what `pgraft serve --check` prints: every value with its source, as a file that could be
 * used again, or every error. Of secrets only the paths are shown.
 *
 * @param result What the configuration was read as.
 * @returns The text, with a line feed at its end.
 */
export function checkReport(result: LoadResult): string {
  const warnings = result.warnings.map((warning) =>
    `; warning: ${formatProblem(warning)}`
  );
  if (!result.ok) {
    const errors = result.errors.map((error) =>
      `error: ${formatProblem(error)}`
    );
    const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
    return [...errors, ...warnings, `; ${count} in the configuration`, ""].join(
      "\n",
    );
  }
  const sections = Object.keys(SECTIONS).flatMap((section) => [
    ...sectionReport(result, section),
    ...(section === "postgresql" ? freeReport(result) : []),
  ]);
  return [...sections, ...warnings, ""].join("\n");
}

function fallbackWords({ row }: KnownSetting): string {
  if (row.derived !== undefined) return `default: ${row.derived}`;
  if (row.default === undefined) return "required";
  if (row.default === "") return "default: empty";
  return `default: ${row.default}${
    row.defaultIfThere === true ? " when it is there" : ""
  }`;
}

function settingHelp(setting: KnownSetting): string[] {
  const { row, flag, variable } = setting;
  return [
    `  ${flag} ${row.type.placeholder}`,
    `${HELP_INDENT}${row.help}`,
    `${HELP_INDENT}${fallbackWords(setting)}; allowed: ${row.type.allowed}`,
    `${HELP_INDENT}${row.key} in [${setting.section}], ${variable}`,
  ];
}

/**
 * Writes the settings for the help of `pgraft serve`.
 *
 * @returns The text, with a line feed at its end.
 */
export function settingsHelp(): string {
  const sections = Object.keys(SECTIONS).flatMap((section) => [
    `[${section}]`,
    ...settingsOf(section).flatMap(settingHelp),
    "",
  ]);
  const free = FREE_SECTIONS.flatMap(({ name, help }) => [
    `[${name}]`,
    `  --set ${name}.KEY=VALUE`,
    `${HELP_INDENT}${help}`,
    "",
  ]);
  return [...sections, ...free].join("\n");
}
