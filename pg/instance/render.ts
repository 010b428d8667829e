import { join } from "node:path";
import { readControl } from "./control_file.ts";
import {
  exists,
  own,
  readIfThere,
  replaceIfChanged,
  writeDurably,
  writeIfChanged,
} from "./files.ts";
import { formatHba, formatIdent, OWNED_FILE_MARK } from "./hba.ts";
import type { Place } from "./place.ts";
import {
  fixedSettings,
  formatSettings,
  type Given,
  mergeAutoConf,
  ownedSettings,
  userSettings,
} from "./settings.ts";
import { findPostmaster } from "./postmaster.ts";
import { reload } from "./reload.ts";
import { tlsSettings, writeTlsFiles } from "./tls.ts";
import type { Rendering } from "./types.ts";

const INCLUDE_LINE = "include_if_exists 'pgraft_parameters.conf'";

/** Beside the file that a start without us takes: the one that we name on the command line. */
export function activeFiles(
  dataDir: string,
): { hbaFile: string; identFile: string } {
  return {
    hbaFile: join(dataDir, "pgraft_hba.conf"),
    identFile: join(dataDir, "pgraft_ident.conf"),
  };
}

function escapePassField(value: string): string {
  return value.replaceAll(/([\\:])/g, "\\$1");
}

/** Writes the password file, which only the instance's user can read. */
export async function writePassFile(
  place: Place,
  password: string,
): Promise<boolean> {
  const { replicationUser, osUser } = place.options;
  const line = `*:*:*:${escapePassField(replicationUser)}:${
    escapePassField(password)
  }\n`;
  return await writeIfChanged(place.passFile, line, osUser);
}

/** Keeps what an adopted directory had, once. */
export async function keepOriginal(path: string, place: Place): Promise<void> {
  const former = await readIfThere(path);
  if (former === null || former.startsWith(OWNED_FILE_MARK)) return;
  const copy = `${path}.before-pgraft`;
  if (!await exists(copy)) {
    await writeDurably(copy, former, place.options.osUser);
  }
}

async function includeParameters(
  place: Place,
  dataDir: string,
): Promise<boolean> {
  const path = join(dataDir, "postgresql.conf");
  const former = await readIfThere(path) ?? "";
  if (former.trimEnd().endsWith(INCLUDE_LINE)) return false;
  const lines = former.split("\n").filter((line) =>
    line.trim() !== INCLUDE_LINE
  );
  const text = `${lines.join("\n").trimEnd()}\n\n${INCLUDE_LINE}\n`;
  await writeDurably(path, text.trimStart(), place.options.osUser);
  return true;
}

/** R25: what makes any start of this directory that pgraft did not order a closed standby. */
export async function writeClosedFiles(
  place: Place,
  dataDir: string,
): Promise<boolean> {
  const { options, ownUser } = place;
  const hba = join(dataDir, "pg_hba.conf");
  const ident = join(dataDir, "pg_ident.conf");
  await keepOriginal(hba, place);
  await keepOriginal(ident, place);
  const changed = [
    await writeIfChanged(hba, formatHba(options, "closed"), options.osUser),
    await writeIfChanged(
      ident,
      formatIdent(options, ownUser, "closed"),
      options.osUser,
    ),
    await writeParameters(place, dataDir),
  ];
  return changed.includes(true);
}

/** The parameters in force, with what the data of a directory asks for at least. */
export async function givenFor(
  { parameters }: Place,
  dataDir: string,
): Promise<Given> {
  const control = await readControl(dataDir);
  const least = typeof control === "string" ? new Map() : control.leastSettings;
  return { parameters: parameters.current, least };
}

/** Writes the parameters in force where the server reads them; returns whether that changed anything. */
export async function writeParameters(
  place: Place,
  dataDir: string,
): Promise<boolean> {
  const { options } = place;
  const path = join(dataDir, "pgraft_parameters.conf");
  const given = await givenFor(place, dataDir);
  const settings = new Map([
    ...userSettings(given),
    ...fixedSettings(given),
    ...place.placeholders.settings,
    ...tlsSettings(options),
  ]);
  const text = `${OWNED_FILE_MARK}\n${formatSettings(settings)}`;
  const wrote = await writeIfChanged(path, text, options.osUser);
  return await includeParameters(place, dataDir) || wrote;
}

/**
 * Has the server show settings that it does not know, from the next time on that its files are written and
 * read; ALTER SYSTEM takes a setting only if they are there. Returns whether anything changed.
 */
export function setPlaceholders(
  { placeholders }: Place,
  settings: ReadonlyMap<string, string>,
): boolean {
  const former = formatSettings(placeholders.settings);
  placeholders.settings = settings;
  return formatSettings(settings) !== former;
}

/** R25: makes the next start that of a standby. */
export async function writeStandbySignal(
  place: Place,
  dataDir: string,
): Promise<void> {
  const path = join(dataDir, "standby.signal");
  if (await exists(path)) return;
  await writeDurably(path, "", place.options.osUser);
  await own(path, place.options.osUser);
}

/** R25: puts back what somebody, or a promotion that nobody ordered, has taken away. */
export async function keepClosed(place: Place): Promise<void> {
  // Certificates are renewed, and must be read again.
  const isRenewed = await writeTlsFiles(place.options);
  const isChanged = await writeClosedFiles(place, place.dataDir);
  await writeStandbySignal(place, place.dataDir);
  const isRunning = await findPostmaster(place) !== null;
  if (isRunning && (isRenewed || isChanged)) {
    await reload(place, { settle: false });
  }
}

/** R27: writes the files that count while the server runs. */
export async function render(
  place: Place,
  config: Rendering,
): Promise<boolean> {
  const { dataDir, options } = place;
  const files = activeFiles(dataDir);
  const auto = join(dataDir, "postgresql.auto.conf");
  const settings = ownedSettings(
    options,
    place.parameters.current,
    place.passFile,
    config,
  );
  // The password first: whoever reads the new upstream needs it.
  const changed = [
    await writePassFile(place, config.replicationPassword),
    await replaceIfChanged(
      files.identFile,
      formatIdent(options, place.ownUser, config.hba),
      options.osUser,
    ),
    await replaceIfChanged(
      files.hbaFile,
      formatHba(options, config.hba),
      options.osUser,
    ),
    await writeIfChanged(
      auto,
      mergeAutoConf(await readIfThere(auto) ?? "", settings),
      options.osUser,
    ),
  ];
  place.rendered.settings = settings;
  return changed.includes(true);
}
