import { join } from "node:path";
import { LEAST_SETTING_NAMES, readControl } from "./control_file.ts";
import { faultLines } from "./faults.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./processes.ts";
import { writeParameters } from "./render.ts";
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

const PENDING = `
select name from pg_settings where pending_restart order by name`;

const FAULTS = `
select format('%s: %s', name, error) as fault from pg_file_settings
where error is not null and sourcefile like '%pgraft\_parameters.conf'
  and name not in (select name from pg_settings where pending_restart)`;

/** Asks a running server which of its parameters wait for a restart, and which it did not take. */
export async function viewConfiguration(
  place: Place,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<ConfigurationView> {
  const ask = <T>(text: string): Promise<T[]> =>
    place.connections.run<T>("control", text, [], timeoutMs);
  const pending = await ask<{ name: string }>(PENDING);
  const faults = await ask<{ fault: string }>(FAULTS);
  return {
    pendingRestart: pending.map(({ name }) => name),
    fault: faults.map(({ fault }) => fault).join("; ") || null,
  };
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
