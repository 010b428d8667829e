/**
 * One local PostgreSQL: its programs, directory, files, processes and connections. Everything that
 * touches a server stands here; who is primary is decided elsewhere.
 *
 * @module
 */
export { surveyAdoption } from "./adoption_survey.ts";
export { type Binaries, findBinaries, syncRaceFixedIn } from "./binaries.ts";
export type { OwnConnection } from "./connection.ts";
export type { ControlState } from "./control_file.ts";
export { EXECUTOR_ROLE } from "./hba.ts";
export { InstanceError, type InstanceErrorCode } from "./errors.ts";
export { dataMajor } from "./inspect.ts";
export { createInstance } from "./instance.ts";
export { findOsUser, type OsUser } from "./os_user.ts";
export { isUnseenStandby } from "./promote_lowered.ts";
export type { RewindOptions } from "./rewind.ts";
export { ownedReason } from "./settings.ts";
export type * from "./types.ts";
