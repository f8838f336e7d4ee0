/** Orders to connections that are in effect, in a file of the home: a stop must outlast a restart of the daemon. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Force, Forces } from '../model/force.ts';
import type { ForceBook } from '../replication/connection-window.ts';

const FILE = 'forces.json';

const force = z.strictObject({
  reason: z.enum(['forced', 'paused', 'forced-until-sync']),
  endTime: z.number(),
  level: z.int().min(0).max(15),
});
const file = z.record(
  z.string(),
  z.strictObject({ connection: force.nullable(), folders: z.record(z.string(), force) }),
);

/** Reads what is there; writes anew, synced, whenever an order comes or ends. A file that cannot be read is told of and left aside. */
export function createForceFile({ home, log }: { readonly home: string; readonly log: Log }): ForceBook {
  const path = join(home, FILE);
  const forces = new Map<string, Forces>(readForces(path, log));
  return {
    get: connection => forces.get(connection),
    set: (connection, next) => {
      forces.set(connection, next);
      try {
        writeForces(path, forces);
      } catch (error) {
        log.warn(
          { err: error, path },
          'orders to connections could not be written: they are forgotten at the next start',
        );
      }
    },
  };
}

function readForces(path: string, log: Log): [string, Forces][] {
  try {
    const content = file.parse(JSON.parse(readFileSync(path, 'utf8')));
    return Object.entries(content).map(([guid, { connection, folders }]) => [
      guid,
      { connection, folders: new Map(Object.entries(folders)) },
    ]);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing)
      log.warn({ path, reason: messageOf(error) }, 'orders to connections cannot be read and are forgotten');
    return [];
  }
}

function writeForces(path: string, forces: ReadonlyMap<string, Forces>): void {
  const present = [...forces].filter(([, each]) => each.connection !== null || each.folders.size > 0);
  const content = Object.fromEntries(
    present.map(([guid, { connection, folders }]) => [
      guid,
      { connection, folders: Object.fromEntries<Force>(folders) },
    ]),
  );
  const fresh = `${path}.new`;
  const descriptor = openSync(fresh, 'w', 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, path);
}
