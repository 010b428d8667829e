import { join } from "node:path";
import { LEAST_SETTING_NAMES, readControl } from "./control_file.ts";
import { faultLines } from "./faults.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./processes.ts";
import { writeParameters } from "./render.ts";
import { wantedLeast } from "./settings.ts";
import type { ConfigurationView } from "./types.ts";

/** How long PostgreSQL may take to look at values without a server. */
const CHECK_TIMEOUT_MS = 10_000;

/** Takes other parameters; a server that runs has them after a reload, or a restart. */
export async function configure(
  place: Place,
  parameters: ReadonlyMap<string, string>,
): Promise<boolean> {
  place.parameters.current = parameters;
  return await writeParameters(place, place.dataDir);
}

/** Asks PostgreSQL itself, without a server, whether it takes these values; null when it does. */
export async function checkParameters(
  place: Place,
  parameters: ReadonlyMap<string, string>,
): Promise<string | null> {
  const { binaries, osUser } = place.options;
  const given = [...parameters].flatMap((
    [name, value],
  ) => ["-c", `${name}=${value}`]);
  const result = await runCommand(
    join(binaries.dir, "postgres"),
    ["-D", place.dataDir, ...given, "-C", "server_version"],
    { clock: place.clock, owner: osUser, timeoutMs: CHECK_TIMEOUT_MS },
  );
  if (result.code === 0) return null;
  return faultLines(result.stderr).replaceAll(/^.*?FATAL: +/g, "");
}

/**
 * A primary that was promoted with less runs without `hot_standby` (T30), which means nothing to a primary; a
 * standby is started anew with it. So nobody need restart anything for it.
 */
const PENDING = `
select name from pg_settings
where pending_restart and name <> 'hot_standby' order by name`;

const FAULTS = `
select format('%s: %s', name, error) as fault from pg_file_settings
where error is not null and sourcefile like '%pgraft\_parameters.conf'
  and name not in (select name from pg_settings where pending_restart)`;

const LEAST = `
select name, setting::float8 as has, pg_is_in_recovery() as standby from pg_settings
where name = any(string_to_array($1, ','))`;

/** Asks a running server which of its parameters wait for a restart, and which it did not take. */
export async function viewConfiguration(
  place: Place,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<ConfigurationView> {
  const ask = <T>(text: string): Promise<T[]> =>
    place.connections.run<T>("control", text, [], timeoutMs);
  const pending = await ask<{ name: string }>(PENDING);
  const faults = await ask<{ fault: string }>(FAULTS);
  const toLower = await viewLower(place, timeoutMs);
  const names = [...pending.map(({ name }) => name), ...toLower.byRestart];
  return {
    pendingRestart: [...new Set(names)].toSorted(),
    pendingPrimary: toLower.byPrimary,
    fault: faults.map(({ fault }) => fault).join("; ") || null,
  };
}

/**
 * T30: what the server has more of than its parameters say, as its files kept it so. A primary gets less when it
 * is started anew, a standby when its log asks for less.
 */
async function viewLower(
  place: Place,
  timeoutMs: number,
): Promise<{ readonly byRestart: string[]; readonly byPrimary: string[] }> {
  const wanted = wantedLeast(place.parameters.current);
  const rows = await place.connections.run<
    { name: string; has: number; standby: boolean }
  >("control", LEAST, [LEAST_SETTING_NAMES.join(",")], timeoutMs);
  const control = await readControl(place.dataDir);
  const asked = typeof control === "string" ? null : control.leastSettings;
  const above = rows.filter(({ name, has }) => has > (wanted.get(name) ?? has));
  const isByRestart = ({ name, has, standby }: typeof rows[number]): boolean =>
    !standby || has > (asked?.get(name) ?? has);
  return {
    byRestart: above.filter(isByRestart).map(({ name }) => name),
    byPrimary: above.filter((row) => !isByRestart(row)).map(({ name }) => name)
      .toSorted(),
  };
}

/** T30: the settings of which the data's own log asks for more than the parameters say. */
export async function settingsToLower(place: Place): Promise<string[]> {
  const control = await readControl(place.dataDir);
  if (typeof control === "string") return [];
  const wanted = wantedLeast(place.parameters.current);
  return [...control.leastSettings].filter(([name, least]) =>
    (wanted.get(name) ?? least) < least
  ).map(([name]) => name);
}

/** T30: the settings of which a running standby has less than its primary, so that its replay stands still. */
export async function settingsShort(
  place: Place,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<string[]> {
  const control = await readControl(place.dataDir);
  if (typeof control === "string") return [];
  const rows = await place.connections.run<{ name: string; value: string }>(
    "control",
    `select name, current_setting(name) as value from unnest(string_to_array($1, ',')) as name`,
    [LEAST_SETTING_NAMES.join(",")],
    timeoutMs,
  );
  return rows.flatMap(({ name, value }) =>
    (control.leastSettings.get(name) ?? 0) > Number(value) ? [name] : []
  );
}
