export { DiskFullError } from "../errors.ts";

/** A file of the store is damaged where a crash cannot have damaged it. Nothing was changed. */
export class CorruptLogError extends Error {
  override readonly name = "CorruptLogError";
  /** The damaged or missing file. */
  readonly file: string;
  /** Where in the file the damage begins, in bytes. */
  readonly offset: number;

  /**
   * Makes the error.
   *
   * @param file The damaged or missing file.
   * @param offset Where the damage begins, in bytes.
   * @param what What is wrong there, as a sentence fragment.
   */
  constructor(file: string, offset: number, what: string) {
    super(
      `File "${file}" is damaged at byte ${offset}: ${what}. Nothing was changed; ` +
        "restore the file, or wipe the directory and let the member join anew",
    );
    this.file = file;
    this.offset = offset;
  }
}

/** The directory belongs to another cluster or node. */
export class ForeignStoreError extends Error {
  override readonly name = "ForeignStoreError";
}

/** The directory was written by a newer version. */
export class NewerFormatError extends Error {
  override readonly name = "NewerFormatError";

  /**
   * Makes the error.
   *
   * @param file The file that says so.
   * @param found The format version it has.
   * @param known The newest format version this program knows.
   */
  constructor(file: string, found: number, known: number) {
    super(
      `File "${file}" has format version ${found}, this program knows versions up to ` +
        `${known}: start a newer pgraft`,
    );
  }
}

/** Another process, or another store of this one, uses the directory. */
export class StoreLockedError extends Error {
  override readonly name = "StoreLockedError";

  /**
   * Makes the error.
   *
   * @param directory The directory in use.
   */
  constructor(directory: string) {
    super(
      `Directory "${directory}" is in use by another process: stop that one, or choose another directory`,
    );
  }
}

/** A write or sync failed: what the disk holds is unknown until the store is opened again. */
export class StorageFailedError extends Error {
  override readonly name = "StorageFailedError";

  /**
   * Makes the error.
   *
   * @param directory The store's directory.
   * @param cause What the first failure was.
   */
  constructor(directory: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Storage in "${directory}" failed, and nothing more is written: ${reason}. ` +
        "Check the disk, then restart",
      { cause },
    );
  }
}

/** The snapshot asked for is no longer kept, or never was. */
export class SnapshotGoneError extends Error {
  override readonly name = "SnapshotGoneError";

  /**
   * Makes the error.
   *
   * @param index The snapshot's index.
   */
  constructor(index: number) {
    super(`Snapshot at index ${index} is not kept: take the newest`);
  }
}
