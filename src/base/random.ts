/** Randomness as an argument, so that a seed can decide everything. */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** A fresh GUID: 36 characters, lower case. */
  guid(): string;
}
