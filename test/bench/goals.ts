/** What Tandem wants to reach, as ratios to the other tools in the same run or as absolute bounds. */
import type { CaseName, CaseResult } from './cases.ts';

export interface Verdict {
  readonly goal: string;
  readonly reached: string;
  readonly pass: boolean;
}

type Figure = 'seconds' | 'wireMib' | 'peakMib';

type Goal =
  | { readonly kind: 'at-most'; readonly case: CaseName; readonly figure: Figure; readonly bound: number }
  /** At most `factor` times the other tool's figure. */
  | { readonly kind: 'against'; readonly case: CaseName; readonly other: string; readonly factor: number };

const GOALS: readonly Goal[] = [
  { kind: 'against', case: 'small', other: 'rsync', factor: 3 },
  { kind: 'against', case: 'small', other: 'syncthing', factor: 1 / 5 },
  { kind: 'against', case: 'large', other: 'rsync', factor: 2 },
  { kind: 'at-most', case: 'rename', figure: 'seconds', bound: 1 },
  { kind: 'at-most', case: 'rename', figure: 'wireMib', bound: 64 / 1024 },
  { kind: 'at-most', case: 'insert', figure: 'wireMib', bound: 1 },
  { kind: 'against', case: 'insert', other: 'syncthing', factor: 1 / 5 },
  { kind: 'at-most', case: 'latency', figure: 'seconds', bound: 0.3 },
  { kind: 'at-most', case: 'restart', figure: 'seconds', bound: 3 },
  { kind: 'against', case: 'delete', other: 'rsync', factor: 3 },
];
const PEAK_MIB = 250;

/** Verdicts on what was measured; goals that lack a figure are left out. */
export function judge(results: readonly CaseResult[]): Verdict[] {
  const find = (tool: string, name: CaseName) => results.find(result => result.tool === tool && result.case === name);
  const verdicts = GOALS.flatMap((goal): Verdict[] => {
    const own = find('tandem', goal.case);
    if (own === undefined) return [];
    if (goal.kind === 'at-most') {
      const value = own[goal.figure];
      return [
        {
          goal: `${goal.case}: ${describe(goal.figure, goal.bound)} at most`,
          reached: describe(goal.figure, value),
          pass: own.ok && value <= goal.bound,
        },
      ];
    }
    const other = find(goal.other, goal.case);
    if (other === undefined) return [];
    const ratio = own.seconds / other.seconds;
    const goalText =
      goal.factor >= 1
        ? `at most ${goal.factor} × the time of ${goal.other}`
        : `at least ${1 / goal.factor} × faster than ${goal.other}`;
    const reached = goal.factor >= 1 ? `${ratio.toFixed(2)} ×` : `${(1 / ratio).toFixed(1)} × faster`;
    return [
      {
        goal: `${goal.case}: ${goalText}`,
        reached: `${reached} (${own.seconds.toFixed(2)} s, ${other.seconds.toFixed(2)} s)`,
        pass: own.ok && ratio <= goal.factor,
      },
    ];
  });
  const peaks = results.filter(result => result.tool === 'tandem').map(result => result.peakMib);
  if (peaks.length === 0) return verdicts;
  const peak = Math.max(...peaks);
  return [
    ...verdicts,
    {
      goal: `every case: peak memory of a daemon ${PEAK_MIB} MiB at most`,
      reached: `${peak.toFixed(0)} MiB`,
      pass: peak <= PEAK_MIB,
    },
  ];
}

function describe(figure: Figure, value: number): string {
  if (figure === 'seconds') return `${value.toFixed(2)} s`;
  return figure === 'wireMib' && value < 1
    ? `${(value * 1024).toFixed(0)} KiB on the wire`
    : `${value.toFixed(2)} MiB${figure === 'wireMib' ? ' on the wire' : ''}`;
}
