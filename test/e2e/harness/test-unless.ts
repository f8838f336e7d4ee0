/** Tests of what a machine may lack: skipped there, and their names say why. */
import { type TestFunction, test } from 'vitest';

/** `problem`: why they cannot run here; null: they can. */
export function testUnless(problem: string | null): (name: string, body: TestFunction) => void {
  const note = problem === null ? '' : ` [skipped, ${problem}]`;
  return (name, body) => test.skipIf(problem !== null)(name + note, body);
}
