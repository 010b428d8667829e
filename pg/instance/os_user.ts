import { InstanceError } from "./errors.ts";

/** Who runs PostgreSQL. */
export interface OsUser {
  /** The name, as in /etc/passwd. */
  readonly name: string;
  /** The user's number. */
  readonly uid: number;
  /** The number of the user's group. */
  readonly gid: number;
}

/** PostgreSQL runs as this one when the user asked for does not exist. */
const FALLBACK_USER = "nobody";

async function readUsers(): Promise<OsUser[]> {
  const text = await Deno.readTextFile("/etc/passwd");
  return text.split("\n").map((line) => line.split(":")).filter((fields) =>
    fields.length >= 4
  ).map(([name = "", , uid, gid]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
  }));
}

/**
 * Finds who is to run PostgreSQL, which refuses to run as root.
 *
 * @param name The user asked for.
 * @returns Null when this process is not root: PostgreSQL then runs as the same user. Otherwise the
 * named user, or `nobody` when there is none of that name.
 * @throws {InstanceError} When the name is root's, or neither user exists.
 */
export async function findOsUser(name: string): Promise<OsUser | null> {
  if (Deno.uid() !== 0) return null;
  const users = await readUsers();
  const user = users.find((each) => each.name === name) ??
    users.find((each) => each.name === FALLBACK_USER);
  if (user === undefined) {
    throw new InstanceError(
      "no_os_user",
      `There is no user "${name}" to run PostgreSQL, which refuses to run as root: create the user, or set os_user to another`,
    );
  }
  if (user.uid !== 0) return user;
  throw new InstanceError(
    "no_os_user",
    `PostgreSQL refuses to run as "${name}", which is root: set os_user to an ordinary user, such as postgres`,
  );
}

/**
 * Says how the kernel names this process's user, for peer authentication.
 *
 * @returns The name; the number where /etc/passwd has none.
 */
export async function ownUserName(): Promise<string> {
  const uid = Deno.uid();
  const user = (await readUsers()).find((each) => each.uid === uid);
  return user?.name ?? String(uid);
}
