import type { DriverObserver } from "../../raft/mod.ts";
import { DISK_SECONDS, LATENCY_SECONDS } from "./buckets.ts";
import type { Registry } from "./registry.ts";

function defineWork(
  registry: Registry,
): Pick<Required<DriverObserver>, "persisted" | "applied" | "committed"> {
  const persist = registry.histogram({
    name: "pgraft_persist_duration_seconds",
    help: "Time from a batch's handing over until it was on disk",
    bounds: DISK_SECONDS,
  });
  const persisted = registry.counter({
    name: "pgraft_persisted_entries_total",
    help: "Entries that were written to disk",
  });
  const applied = registry.counter({
    name: "pgraft_applied_entries_total",
    help: "Entries that were applied",
  });
  const applying = registry.counter({
    name: "pgraft_apply_seconds_total",
    help: "Time spent in the state machine",
  });
  const commit = registry.histogram({
    name: "pgraft_commit_duration_seconds",
    help: "Time from a proposal of this node until it was applied here",
    bounds: LATENCY_SECONDS,
  });
  return {
    persisted: (entries, tookMs) => {
      persisted.add(entries);
      persist.observe(tookMs / 1000);
    },
    applied: (entries, tookMs) => {
      applied.add(entries);
      applying.add(tookMs / 1000);
    },
    committed: (tookMs) => commit.observe(tookMs / 1000),
  };
}

function defineSnapshots(
  registry: Registry,
): Pick<Required<DriverObserver>, "snapshotTaken" | "snapshotInstalled"> {
  const taken = registry.counter({
    name: "pgraft_snapshots_taken_total",
    help: "Snapshots of this node's state that became durable",
  });
  const taking = registry.counter({
    name: "pgraft_snapshots_taken_seconds_total",
    help: "Time from the beginning of snapshots until they were durable",
  });
  const installed = registry.counter({
    name: "pgraft_snapshots_installed_total",
    help: "Snapshots of a leader that this node has installed",
  });
  const size = registry.gauge({
    name: "pgraft_snapshot_size_bytes",
    help: "Size of the last snapshot that was taken or installed, 0 before",
  });
  return {
    snapshotTaken: (sizeBytes, tookMs) => {
      taken.add();
      taking.add(tookMs / 1000);
      size.set(sizeBytes);
    },
    snapshotInstalled: (sizeBytes) => {
      installed.add();
      size.set(sizeBytes);
    },
  };
}

/**
 * Defines what a driver tells of its work.
 *
 * @param registry Where.
 * @returns The observer to hand to the driver.
 */
export function defineDriverMetrics(registry: Registry): DriverObserver {
  return { ...defineWork(registry), ...defineSnapshots(registry) };
}
