/**
 * Hears of a postmaster's end as its own processes do: by a pipe that only it could write to, which breaks. A
 * session of ours that ends would tell as well, but hundreds end then, and ours is as likely the last as the first.
 *
 * @param pid The postmaster.
 * @returns Resolves with true at its end; with false at once where the pipe is not to be had.
 */
export async function untilEnded(pid: number): Promise<boolean> {
  const path = findPipe(pid);
  if (path === null) return false;
  try {
    using pipe = await Deno.open(path);
    // Nobody ever writes to it.
    return await pipe.read(new Uint8Array(1)) === null;
  } catch {
    return false;
  }
}

/** The pipe of which the postmaster holds both ends, as its processes' reading end. */
function findPipe(pid: number): string | null {
  const ends = new Map<string, string[]>();
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      const target = targetOf(pid, name);
      if (!target?.startsWith("pipe:")) continue;
      ends.set(target, [...ends.get(target) ?? [], name]);
    }
    const whole = [...ends.values()].filter(({ length }) => length === 2);
    const [both] = whole;
    if (!both || whole.length > 1) return null;
    const reading = both.find((name) => isForReading(pid, name));
    return reading === undefined ? null : `/proc/${pid}/fd/${reading}`;
  } catch {
    // It has ended, or is another user's.
    return null;
  }
}

/** What a file of a process is; null for one that it has closed, as it does with each new connection. */
function targetOf(pid: number, name: string): string | null {
  try {
    return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
  } catch {
    return null;
  }
}

/** The lowest bits of a file's flags, in octal: 0 for reading only. */
function isForReading(pid: number, name: string): boolean {
  const text = Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`);
  const [, flags] = /^flags:\s*(\d+)$/m.exec(text) ?? [];
  return flags !== undefined && (parseInt(flags, 8) & 3) === 0;
}
