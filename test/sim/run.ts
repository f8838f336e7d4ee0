/** `npm run sim -- --seed N --count M [--set key=value …]`: plays histories and shows what broke, and how to see it again. */
import { parseArgs } from 'node:util';
import type { PlanOverrides } from './sim-plan.ts';
import { simulate } from './simulate.ts';

const TRACE_LINES = 60;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    /** Something of the plan set by hand, as `crashes=false`. */
    set: { type: 'string', multiple: true, default: [] },
    /** Lines of the trace to show of a failure. */
    trace: { type: 'string', default: String(TRACE_LINES) },
    /** Plays each seed twice and compares. */
    twice: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

const overrides = Object.fromEntries(
  values.set.map(entry => {
    const at = entry.indexOf('=');
    const text = entry.slice(at + 1);
    return [entry.slice(0, at), /^(true|false|null|[\d.]+|\[.*\])$/.test(text) ? JSON.parse(text) : text];
  }),
) as PlanOverrides;

let failed = 0;
const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.count); seed++) {
  const began = performance.now();
  const result = await simulate(seed, overrides);
  const again = values.twice ? await simulate(seed, overrides) : result;
  const violation =
    result.fingerprint === again.fingerprint
      ? result.violation
      : 'not-deterministic: the same seed gave another history';
  const { plan } = result;
  const took = `${Math.round(performance.now() - began)} ms`;
  const about = `${plan.members.length} ${plan.topology} ${plan.primary ? 'primary' : 'merge'} ${plan.before}, ${Math.round(result.simulatedMs / 1000)} s simulated`;
  if (!violation) {
    if (!values.quiet) console.log(`seed ${seed}: ok (${about}, ${result.fingerprint.slice(0, 8)}, ${took})`);
    continue;
  }
  failed++;
  console.log(`seed ${seed}: FAILED (${about}, ${took})\n  ${violation}`);
  const lines = Number(values.trace);
  if (lines > 0)
    console.log(
      result.trace
        .slice(-lines)
        .map(line => `    ${line}`)
        .join('\n'),
    );
  const set = values.set.map(entry => ` --set '${entry}'`).join('');
  console.log(`  replay: npm run sim -- --seed ${seed}${set}`);
}
process.exitCode = failed === 0 ? 0 : 1;
if (failed > 0) console.log(`${failed} of ${values.count} seeds failed`);
