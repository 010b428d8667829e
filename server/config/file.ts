import { messageOf } from "../../base/mod.ts";
import { parseIni } from "./ini.ts";
import type { Layer } from "./origin.ts";

/** Reads a text file; null when there is none. Rejects when it cannot be read. */
export type ReadFile = (path: string) => Promise<string | null>;

/** A configuration of a node is a page; more is another file by mistake. */
const MAX_FILE_LENGTH = 1024 * 1024;

const NOTHING: Layer = { assignments: [], errors: [], warnings: [] };

function failed(path: string, message: string): Layer {
  return {
    ...NOTHING,
    errors: [{ origin: { kind: "file", path, line: 0 }, message }],
  };
}

function parseLayer(path: string, text: string): Layer {
  const file = parseIni(text);
  return {
    assignments: file.entries.map(({ section, key, value, line }) => ({
      name: section === "" ? key : `${section}.${key}`,
      key,
      text: value,
      origin: { kind: "file", path, line },
    })),
    errors: file.errors.map(({ line, message }) => ({
      origin: { kind: "file", path, line },
      message,
    })),
    warnings: [],
  };
}

/** Options of {@linkcode readFileLayer}. */
export interface FileLayerOptions {
  /** The file that was asked for, or null. */
  readonly path: string | null;
  /** The file that counts when it is there and no other was asked for. */
  readonly defaultPath: string;
  readonly readFile: ReadFile;
}

/**
 * Reads the configuration file.
 *
 * @param options Which file, and how to read it.
 * @returns What it holds; nothing when only the default was meant and it is not there.
 */
export async function readFileLayer(options: FileLayerOptions): Promise<Layer> {
  const path = options.path ?? options.defaultPath;
  let text: string | null;
  try {
    text = await options.readFile(path);
  } catch (error) {
    return failed(
      path,
      `The configuration cannot be read: ${messageOf(error)}`,
    );
  }
  if (text === null) {
    return options.path === null
      ? NOTHING
      : failed(path, "There is no such file");
  }
  if (text.length > MAX_FILE_LENGTH) {
    return failed(path, "The file is over 1 MB and no configuration");
  }
  return parseLayer(path, text);
}
