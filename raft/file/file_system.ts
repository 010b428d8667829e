/** One open file. */
export interface StoreFile {
  /** Returns the file's size in bytes. */
  size(): Promise<number>;
  /**
   * Reads from `offset` until `into` is full or the file ends.
   *
   * @returns How many bytes were read.
   */
  read(offset: number, into: Uint8Array): Promise<number>;
  /**
   * Writes all of `data` at `offset`; the file grows as needed.
   *
   * @throws {DiskFullError} When there is no space for it; a part may be written.
   */
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Makes the content, and the size needed to read it back, durable; does not hold the event loop. */
  syncData(): Promise<void>;
  /** Lets go of the file. */
  close(): void;
}

/** A held lock. */
export interface FileLock {
  /** Lets go of it. */
  release(): void;
}

/**
 * One directory of files: all that the store asks of an operating system. Calls on one file are made
 * one after the other.
 */
export interface FileSystem {
  /** Makes the directory, durably, where there is none. */
  prepare(): Promise<void>;
  /**
   * Takes an exclusive lock without waiting; it goes when the process goes.
   *
   * @returns The lock, or null when another holds it.
   */
  lock(name: string): Promise<FileLock | null>;
  /** Returns the names of the files. */
  list(): Promise<string[]>;
  /** Opens an existing file for reading and writing. */
  open(name: string): Promise<StoreFile>;
  /**
   * Makes a new file.
   *
   * @throws {DiskFullError} When there is no space for it.
   */
  create(name: string): Promise<StoreFile>;
  /** Renames a file; one that has the new name is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(name: string): Promise<void>;
  /** Makes the creations, renames and removals so far durable. */
  syncDirectory(): Promise<void>;
}

/**
 * Reads a whole file.
 *
 * @param files The directory.
 * @param name The file's name.
 * @returns Its content.
 */
export async function readWhole(
  files: FileSystem,
  name: string,
): Promise<Uint8Array> {
  const file = await files.open(name);
  try {
    const bytes = new Uint8Array(await file.size());
    const count = await file.read(0, bytes);
    return bytes.subarray(0, count);
  } finally {
    file.close();
  }
}
