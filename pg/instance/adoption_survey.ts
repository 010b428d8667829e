import { basename, dirname, join } from "node:path";
import { messageOf, systemClock } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { lastLines } from "./faults.ts";
import { exists, readIfThere } from "./files.ts";
import { OWNED_FILE_MARK } from "./hba.ts";
import { inspect } from "./inspect.ts";
import { pidsIn, runCommand } from "./processes.ts";
import { fixedSettings } from "./settings.ts";
import { locationsOf } from "./tablespaces.ts";
import type { AdoptionSurvey, InstanceOptions, PresentData } from "./types.ts";

const SHOW_TIMEOUT_MS = 10_000;
/** Where recovery would end before all of the log. */
const TARGETS: readonly string[] = [
  "recovery_target",
  "recovery_target_lsn",
  "recovery_target_name",
  "recovery_target_time",
  "recovery_target_xid",
];
/** What counts no more, since pgraft sets it while PostgreSQL runs. */
const REPLACED: readonly string[] = [
  "synchronous_standby_names",
  "synchronous_commit",
  "restore_command",
  "hot_standby_feedback",
];

/** What is needed to look at a directory in which nothing may be changed. */
interface Site {
  readonly options: InstanceOptions;
  readonly dataDir: string;
  readonly resumes: boolean;
}

/**
 * Looks whether the data directory can become a cluster's first primary, and what that would change. Changes
 * and starts nothing.
 *
 * @param options The instance as it would be.
 * @param how Whether it was begun before, so that a server that was killed meanwhile was pgraft's own.
 */
export async function surveyAdoption(
  options: InstanceOptions,
  how: { readonly resumes: boolean } = { resumes: false },
): Promise<AdoptionSurvey> {
  const dataDir = await exists(options.dataDir)
    ? await Deno.realPath(options.dataDir)
    : options.dataDir;
  const site: Site = { options, dataDir, ...how };
  const data = await inspect(site);
  switch (data.kind) {
    case "empty":
      return { kind: "empty" };
    case "unusable":
      return { kind: "present", problems: [data.reason], changes: [] };
    case "present":
      return await surveyData(site, data);
  }
}

async function surveyData(
  site: Site,
  data: PresentData,
): Promise<AdoptionSurvey> {
  const problems = [
    ...await ownerProblems(site),
    ...runningProblems(site),
    ...await stateProblems(site, data),
  ];
  // Another user's files cannot be read as PostgreSQL would.
  if (problems.length > 0) return { kind: "present", problems, changes: [] };
  try {
    const former = await formerSettings(site);
    return {
      kind: "present",
      problems: targetProblems(former),
      changes: await changesOf(site, data, former),
    };
  } catch (error) {
    return { kind: "present", problems: [messageOf(error)], changes: [] };
  }
}

async function ownerProblems(
  { dataDir, options: { osUser } }: Site,
): Promise<string[]> {
  const { uid, mode } = await Deno.stat(dataDir);
  const wanted = osUser?.uid ?? Deno.uid();
  if (uid !== wanted) {
    return [
      `"${dataDir}" belongs to user ${uid}, and PostgreSQL would run as ${
        osUser?.name ?? wanted
      }: set os_user in [postgresql], or chown -R the directory`,
    ];
  }
  if (((mode ?? 0) & 0o027) === 0) return [];
  return [`"${dataDir}" can be entered by others: chmod 0700 it`];
}

function runningProblems({ dataDir }: Site): string[] {
  const [first] = pidsIn(dataDir);
  if (first === undefined) return [];
  return [
    `PostgreSQL runs in "${dataDir}" (process ${first}): stop it in order, with pg_ctl stop -m fast or its service, ` +
    "and see to it that nothing starts it again",
  ];
}

/** Whether pgraft looked after it before: then the files that make it a standby are pgraft's own. */
export async function wasManaged(dataDir: string): Promise<boolean> {
  const hba = await readIfThere(join(dataDir, "pg_hba.conf"));
  return hba?.startsWith(OWNED_FILE_MARK) ?? false;
}

async function stateProblems(
  { dataDir, resumes }: Site,
  { controlState }: PresentData,
): Promise<string[]> {
  const signals = ["backup_label", "recovery.signal"];
  if (!await wasManaged(dataDir)) signals.push("standby.signal");
  for (const name of signals) {
    if (!await exists(join(dataDir, name))) continue;
    return [
      `"${dataDir}" has a ${name}, so it is a standby or a backup that never ran: start it, promote it, and stop it in order`,
    ];
  }
  const isKilled = controlState !== "shut down in recovery";
  if (controlState === "shut down" || (resumes && isKilled)) return [];
  return [
    controlState === "shut down in recovery"
      ? `"${dataDir}" is a standby's: adopt its primary's, or promote it and stop it in order`
      : `PostgreSQL was not stopped in order in "${dataDir}" (it was left "${controlState}"): start it, and stop it with pg_ctl stop -m fast`,
  ];
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name)
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What the files set so far; null where there is no postgresql.conf, as with Debian's clusters. */
async function formerSettings(
  site: Site,
): Promise<ReadonlyMap<string, string> | null> {
  const { dataDir, options } = site;
  if (!await exists(join(dataDir, "postgresql.conf"))) return null;
  const redirected = await show(site, "data_directory");
  if (redirected !== dataDir && redirected !== options.dataDir) {
    throw new Error(
      `"${dataDir}/postgresql.conf" leads to another data_directory, "${redirected}": take that line out, or adopt the other one`,
    );
  }
  const names = [
    ...settingsOf(options).keys(),
    ...TARGETS,
    ...REPLACED,
    "listen_addresses",
    "port",
    "archive_mode",
  ];
  const settings = new Map<string, string>();
  for (const name of names) settings.set(name, await show(site, name));
  return settings;
}

/** Asks PostgreSQL itself how it reads the files, which starts nothing. */
async function show(
  { options, dataDir }: Site,
  name: string,
): Promise<string> {
  const result = await runCommand(
    join(options.binaries.dir, "postgres"),
    ["-C", name, "-D", dataDir],
    {
      clock: options.clock ?? systemClock(),
      owner: options.osUser,
      timeoutMs: SHOW_TIMEOUT_MS,
    },
  );
  if (result.code === 0) return result.stdout.trim();
  throw new InstanceError(
    "bad_setting",
    `"${dataDir}/postgresql.conf" cannot be read: ${
      lastLines(result.stderr)
    }. Correct the file`,
  );
}

/** What it has more of than the users ask for stays, so nothing is raised here. */
function settingsOf({ parameters }: InstanceOptions): Map<string, string> {
  return fixedSettings({ parameters, least: new Map() });
}

function targetProblems(
  former: ReadonlyMap<string, string> | null,
): string[] {
  return TARGETS.filter((name) => (former?.get(name) ?? "") !== "").map(
    (name) =>
      `${name} is set in its postgresql.conf, so that recovery would end before all of the log: take it out`,
  );
}

async function changesOf(
  site: Site,
  data: PresentData,
  former: ReadonlyMap<string, string> | null,
): Promise<string[]> {
  const { dataDir, options } = site;
  const { host, port } = options.listen;
  return [
    `Database ${data.systemId} becomes the first primary of cluster ${options.clusterName}, on a new timeline after ${data.timeline}; the other members clone it`,
    ...await fileChanges(site, former !== null),
    ...settingChanges(options, former),
    `PostgreSQL listens at ${host}:${port}${
      former === null
        ? ""
        : ` (so far ${former.get("listen_addresses")}:${former.get("port")})`
    } and on a socket in ${options.runDir}; nothing but pgraft may start it, so disable its service`,
    `The role ${options.replicationUser} is made, or given another password; ${options.superuser} must be a superuser that may log in`,
    ...await slotNotes(dataDir),
    ...await tablespaceNotes(dataDir),
    ...data.hasChecksums ? [] : [
      "It has no data checksums, so damage on disk goes unnoticed: pg_checksums --enable, while it is stopped, adds them",
    ],
    ...former?.get("archive_mode") === "on"
      ? [
        "archive_command stays, and goes to every member, each of which archives while it is primary",
      ]
      : [],
  ];
}

async function fileChanges(
  { dataDir, options }: Site,
  hasConfiguration: boolean,
): Promise<string[]> {
  const rules = await ruleLines(join(dataDir, "pg_hba.conf"));
  return [
    hasConfiguration
      ? "postgresql.conf stays and gets an include line at its end; it is kept as postgresql.conf.before-pgraft"
      : `There is no postgresql.conf in ${basename(dirname(dataDir))}/${
        basename(dataDir)
      }: what stands elsewhere, such as in /etc/postgresql, does not count; put what you need into [postgresql.parameters]`,
    "postgresql.auto.conf gets pgraft's settings at its end, pg_hba.conf and pg_ident.conf are replaced; each is kept as *.before-pgraft",
    ...rules.length === 0 ? [] : [
      `These rules of pg_hba.conf count no more (${options.hbaRules.length} stand in [postgresql.hba]): ${
        rules.join(" | ")
      }`,
    ],
  ];
}

async function ruleLines(path: string): Promise<string[]> {
  const text = await readIfThere(path) ?? "";
  if (text.startsWith(OWNED_FILE_MARK)) return [];
  return text.split("\n").map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function settingChanges(
  options: InstanceOptions,
  former: ReadonlyMap<string, string> | null,
): string[] {
  if (former === null) return [];
  const set = [...settingsOf(options)].flatMap(([name, value]) => {
    const before = former.get(name);
    return before === undefined || before === value
      ? []
      : [`${name} becomes ${value} (so far ${before})`];
  });
  const replaced = REPLACED.filter((name) => {
    const before = former.get(name) ?? "";
    return !["", "on", "off"].includes(before);
  }).map((name) =>
    `${name} is pgraft's own from now on (so far ${former.get(name)})`
  );
  return [...set, ...replaced];
}

async function slotNotes(dataDir: string): Promise<string[]> {
  const slots = await namesIn(join(dataDir, "pg_replslot"));
  const others = slots.filter((name) => !name.startsWith("pgraft_"));
  if (others.length === 0) return [];
  return [
    `The slots ${
      others.join(", ")
    } stay here and are not copied; drop those that nobody reads, since they hold log`,
  ];
}

async function tablespaceNotes(dataDir: string): Promise<string[]> {
  const locations = await locationsOf(dataDir);
  if (locations.length === 0) return [];
  return [
    `The tablespaces in ${
      locations.join(", ")
    } stay; every other member gets them in the same directories, which must be there, or be possible to make for PostgreSQL's user, and have room; where one holds something already, in a directory of its own within`,
  ];
}
