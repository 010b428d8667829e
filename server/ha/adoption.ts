import {
  type AdoptionSurvey,
  dataMajor,
  findBinaries,
  findOsUser,
  InstanceError,
  type InstanceLog,
  type InstanceOptions,
  surveyAdoption,
} from "../../pg/instance/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { instanceOptions } from "./instance_options.ts";

/**
 * Lets a database that pgraft did not make through where it can be adopted, and says what that changes.
 *
 * @param options The instance as it will be.
 * @param log Takes what will change.
 * @throws {InstanceError} When it can't be adopted, with everything that stands against it.
 */
export async function refuseUnadoptable(
  options: InstanceOptions,
  log: InstanceLog,
): Promise<void> {
  const survey = await surveyAdoption(options);
  if (survey.kind === "empty") return;
  if (survey.problems.length > 0) {
    throw new InstanceError(
      "foreign_data",
      `The database cannot be adopted, and nothing was changed: ${
        survey.problems.join("; ")
      }`,
    );
  }
  for (const change of survey.changes) log("info", `Adopting: ${change}`);
}

/** What `pgraft serve --adopt --dry-run` prints. */
export interface AdoptionReport {
  readonly text: string;
  /** Whether the node could go on. */
  readonly isOk: boolean;
}

/**
 * Looks at what adopting this node's database would change. Changes nothing and starts nothing.
 *
 * @param config The node's configuration.
 * @returns The check list.
 */
export async function reportAdoption(
  config: NodeConfig,
): Promise<AdoptionReport> {
  const { postgresql } = config;
  if (!postgresql.managed) {
    return { text: "This node has no PostgreSQL\n", isOk: true };
  }
  const { binDir, version, dataDir } = postgresql;
  // As a start would choose, but that nothing is fetched.
  const major = version ?? (binDir === null ? await dataMajor(dataDir) : null);
  const options = instanceOptions(config, {
    binaries: await findBinaries(binDir, major),
    osUser: await findOsUser(postgresql.osUser),
    log: () => {},
  });
  return formatSurvey(await surveyAdoption(options), dataDir);
}

function formatSurvey(
  survey: AdoptionSurvey,
  dataDir: string,
): AdoptionReport {
  if (survey.kind === "empty") {
    const text =
      `${dataDir} is empty: this node waits for the member whose database is adopted, and clones it\n`;
    return { text, isOk: true };
  }
  const { problems, changes } = survey;
  if (problems.length > 0) {
    const lines = problems.map((problem) => `! ${problem}\n`);
    const text = `${dataDir} cannot be adopted:\n${lines.join("")}`;
    return { text, isOk: false };
  }
  const lines = changes.map((change) => `- ${change}\n`);
  const text = `${dataDir} can be adopted. What will change:\n${
    lines.join("")
  }Nothing was changed now\n`;
  return { text, isOk: true };
}
