import { messageOf } from "../../base/mod.ts";
import { type ConfigVersion, newestConfig } from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { writeProven } from "./proven_file.ts";

/** How long a question about the configuration may take. */
const ASK_TIMEOUT_MS = 2000;

/** How often a server is asked again that waits for its primary to have less of a setting. */
const NOTE_INTERVAL_MS = 1000;

/** Has the server's files say what the cluster's configuration says; a server that runs is told to read them. */
export async function keepConfigured(body: Body): Promise<void> {
  const newest = newestConfig(body.options.ports.state());
  if (!newest || body.job !== null) return;
  if (body.view?.data.kind !== "present") return;
  if (newest.version !== body.config.version) await take(body, newest);
  if (isNoteDue(body)) await noteConfiguration(body);
}

async function take(body: Body, newest: ConfigVersion): Promise<void> {
  const { instance, log } = body.options;
  if (body.config.version === 0) warnOfFile(body, newest);
  const changed = await instance.configure(parametersOf(newest));
  body.config = {
    ...body.config,
    version: newest.version,
    fault: null,
    mustNote: true,
    notedAtMs: -Infinity,
  };
  if (!isUp(body) || !changed) return;
  await instance.reload();
  log("info", `Configuration ${newest.version} is in force`);
}

function isUp({ view }: Body): boolean {
  return view?.server.kind === "primary" || view?.server.kind === "standby";
}

function isNoteDue(body: Body): boolean {
  const { mustNote, pendingPrimary, notedAtMs } = body.config;
  const sinceMs = body.options.clock.nowMs() - notedAtMs;
  return isUp(body) && (mustNote || pendingPrimary.length > 0) &&
    sinceMs >= NOTE_INTERVAL_MS;
}

/** This node's file counts at the founding only, which whoever edits it later should know. */
function warnOfFile(
  { options: { parameters, log } }: Body,
  { parameters: inForce }: ConfigVersion,
): void {
  const names = [...parameters]
    .filter(([name, value]) => inForce[name.toLowerCase()] !== value)
    .map(([name]) => name);
  if (names.length === 0) return;
  log(
    "warning",
    `[postgresql.parameters] differs from the cluster's configuration, which counts: ${
      names.join(", ")
    }; see pgraft ctl config show`,
  );
}

/** Takes the version in force before a server is started, so that it starts with no older one. */
export async function configureStart(body: Body): Promise<void> {
  const newest = newestConfig(body.options.ports.state());
  if (!newest || newest.version === body.config.version) return;
  await body.options.instance.configure(parametersOf(newest));
  body.config = { ...body.config, version: newest.version, fault: null };
}

/** Asks the server what it made of its files. */
export async function noteConfiguration(body: Body): Promise<void> {
  const { instance, log, clock } = body.options;
  const before = body.config;
  body.config = { ...before, notedAtMs: clock.nowMs() };
  try {
    const seen = await instance.viewConfiguration({
      timeoutMs: ASK_TIMEOUT_MS,
    });
    const { pendingRestart, pendingPrimary } = seen;
    const fault = seen.fault ?? body.config.fault;
    const mustNote = false;
    body.config = {
      ...body.config,
      pendingRestart,
      pendingPrimary,
      mustNote,
      fault,
    };
    const names = pendingRestart.join(", ");
    if (names === "" || names === before.pendingRestart.join(", ")) return;
    log("info", `These wait for a restart: ${names}`);
  } catch (error) {
    log("info", `Its settings could not be looked at: ${messageOf(error)}`);
  }
}

/** Has the server be asked again, since it was started anew. */
export function forgetNoted(body: Body): void {
  body.config = {
    ...body.config,
    pendingRestart: [],
    pendingPrimary: [],
    mustNote: true,
    notedAtMs: -Infinity,
  };
}

/** The server has come up with the version: from now on that is what is fallen back to. */
export async function proveConfiguration(body: Body): Promise<void> {
  const { ports, directory } = body.options;
  const { config } = body;
  const version = ports.state().configs.find((one) =>
    one.version === config.version
  );
  forgetNoted(body);
  if (!version || config.fault !== null) return;
  if (config.proven?.version === version.version) return;
  const proven = { version: version.version, parameters: version.parameters };
  await writeProven(directory, proven);
  body.config = { ...body.config, proven };
}

/**
 * After a start that failed: goes back to parameters that the server has started with, so that a value it
 * can't start with costs a restart and not the node. Returns whether there was anything to go back to.
 */
export async function fallBack(body: Body, why: string): Promise<boolean> {
  const { proven, version, fault } = body.config;
  if (!proven || proven.version === version || fault !== null) return false;
  const { instance, log } = body.options;
  await instance.configure(new Map(Object.entries(proven.parameters)));
  const told =
    `PostgreSQL does not start with configuration ${version} and has that of ${proven.version}: ${why}`;
  body.config = { ...body.config, fault: told };
  log("warning", told);
  return true;
}

function parametersOf({ parameters }: ConfigVersion): Map<string, string> {
  return new Map(Object.entries(parameters));
}
