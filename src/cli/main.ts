#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node
import { VERSION } from '../base/version.ts';
import { runCli } from './run.ts';
import { processTerminal } from './terminal.ts';

// A reader that went away, as in “tandem event follow | head”, is no error.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), { terminal: processTerminal(), interruption, version: VERSION });

function interruption(): AbortSignal {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  return stop.signal;
}
