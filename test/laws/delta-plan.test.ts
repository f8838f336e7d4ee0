/** A delta plan builds the file exactly, whatever is found where. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planDelta } from '../../src/model/delta-plan.ts';
import { makeVersion } from '../../src/model/version.ts';

const FETCH_BYTES = 60;
const SOURCES = [100, 101].map(vsn => makeVersion('d'.repeat(32), vsn));

/** A file of few different chunks, sources made of the same ones, and which of those are known. */
const world = fc.record({
  alphabet: fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 8 }),
  file: fc.array(fc.nat(), { maxLength: 40 }),
  sources: fc.tuple(fc.array(fc.nat(), { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 30 })),
  known: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 10 }),
  staged: fc.nat(),
});

test('the steps write each missing byte once, in order, with the right content', () => {
  fc.assert(
    fc.property(world, ({ alphabet, file, sources, known, staged }) => {
      const chunk = (n: number) => alphabet[n % alphabet.length]!;
      const chunks = file.map(chunk);
      const content = join(chunks);
      const sourceChunks = sources.map(source => source.map(chunk));
      const sourceContents = new Map(sourceChunks.map((list, i) => [SOURCES[i]!, join(list)]));
      const stagedBytes = staged % (content.length + 1);
      const recipe = {
        lengths: Uint32Array.from(chunks, one => one.length),
        hashes: new BigUint64Array(chunks.length),
      };

      const steps = planDelta({ recipe, size: content.length, stagedBytes, fetchBytes: FETCH_BYTES }, index => {
        const choice = known[index % known.length]!;
        const list = sourceChunks[choice];
        const at = list?.indexOf(chunks[index]!) ?? -1;
        if (list === undefined || at < 0) return undefined;
        return { uid: SOURCES[choice]!, offset: join(list.slice(0, at)).length, length: chunks[index]!.length };
      });

      const built = [...content.subarray(0, stagedBytes)];
      for (const step of steps) {
        expect(step.offset).toBe(built.length);
        expect(step.length).toBeGreaterThan(0);
        if (step.kind === 'fetch') {
          expect(step.length).toBeLessThanOrEqual(FETCH_BYTES);
          built.push(...content.subarray(step.offset, step.offset + step.length));
        } else {
          const copied = recipe.lengths.subarray(step.firstChunk, step.firstChunk + step.chunks);
          expect(copied.reduce((sum, length) => sum + length, 0)).toBe(step.length);
          built.push(...sourceContents.get(step.uid)!.subarray(step.sourceOffset, step.sourceOffset + step.length));
        }
      }
      expect(built).toEqual([...content]);
    }),
  );
});

function join(chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap(chunk => [...chunk]));
}
