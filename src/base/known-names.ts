/** The sentence for a name nobody knows: lists the names there are and guesses which one was meant. */

const LISTED_NAMES = 20;

/** `there is no folder “dcos”; did you mean “docs”? Known: docs, media` */
export function describeUnknown(unknown: {
  readonly what: string;
  readonly name: string;
  readonly known: Iterable<string>;
}): string {
  const known = [...unknown.known].sort();
  const head = `there is no ${unknown.what} “${unknown.name}”`;
  if (known.length === 0) return `${head}; there is none at all`;
  const guess = nearestName(unknown.name, known);
  const listed = known.slice(0, LISTED_NAMES).join(', ');
  const more = known.length > LISTED_NAMES ? ` and ${known.length - LISTED_NAMES} more` : '';
  return `${head}${guess === null ? ';' : `; did you mean “${guess}”?`} ${guess === null ? 'known' : 'Known'}: ${listed}${more}`;
}

/** The candidate that a typing error most likely meant, or null if none is near. */
export function nearestName(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(3, Math.floor(name.length / 2) + 1);
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance with neighbours swapped counting as one. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
