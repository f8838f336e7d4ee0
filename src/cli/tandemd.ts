#!/usr/bin/env node
/** `tandemd` is `tandem daemon`. */
process.argv.splice(2, 0, 'daemon');
await import('./main.ts');
