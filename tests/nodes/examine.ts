/** How long a process has to answer. */
const ANSWER_TIMEOUT_MS = 1000;

/** A process with an API. */
interface Examined {
  readonly id: number;
  /** `host:port` of the API. */
  readonly api: string;
  process(): { readonly pid: number };
}

/**
 * Says what processes do that should have done something by now: whether they still answer, and what each thread
 * of those that don't waits for.
 *
 * @param nodes The processes, still there.
 * @returns A line for each.
 */
export async function examine(nodes: readonly Examined[]): Promise<string> {
  const lines = await Promise.all(nodes.map(async (node) => {
    const { pid } = node.process();
    const answer = await answerOf(node.api);
    const threads = answer === null ? `; ${await threadsOf(pid)}` : "";
    const what = answer === null ? "does not answer" : `answers ${answer}`;
    return `node ${node.id} (process ${pid}) ${what}${threads}\n`;
  }));
  return lines.join("");
}

async function answerOf(api: string): Promise<number | null> {
  try {
    const response = await fetch(`http://${api}/livez`, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}

/** Name, state and what the kernel has each thread wait for. */
async function threadsOf(pid: number): Promise<string> {
  const threads: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
      const at = `/proc/${pid}/task/${name}`;
      const stat = await Deno.readTextFile(`${at}/stat`);
      const wait = await Deno.readTextFile(`${at}/wchan`);
      const [, comm = "", state = ""] = /\((.*)\) (\S)/.exec(stat) ?? [];
      threads.push(`${comm} ${state} ${wait}`);
    }
  } catch (error) {
    threads.push(String(error));
  }
  return threads.join(", ");
}
