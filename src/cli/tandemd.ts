#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node
/**
 * `tandemd` is `tandem daemon`. The line above, of both programs, has glibc keep two arenas for all threads: with eight for
 * each processor a daemon is a tenth larger, and not faster.
 */
process.argv.splice(2, 0, 'daemon');
await import('./main.ts');
