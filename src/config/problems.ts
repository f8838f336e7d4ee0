/** Problems found in configuration files, collected so that an administrator sees all of them at once. */
import { TandemError } from '../base/errors.ts';

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `folders.docs.quiet`; '' for the file as a whole. */
  readonly key: string;
  /** What was found, what was expected and what to do. */
  readonly message: string;
}

/** Throws CONFIG_INVALID naming every problem with its place; does nothing if there is none. */
export function throwProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = [...problems].sort((a, b) => a.line - b.line || a.column - b.column).map(formatProblem);
  const message =
    lines.length === 1 ? lines[0]! : `${lines.length} problems in the configuration:\n  ${lines.join('\n  ')}`;
  throw new TandemError('CONFIG_INVALID', message, { problems });
}

function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.key === '' ? `${place}: ${problem.message}` : `${place}: ${problem.key}: ${problem.message}`;
}
