/**
 * Durations in bounded memory: counts of values rounded to two significant digits.
 */
export class Histogram {
  readonly #counts = new Map<number, number>()
  count = 0
  largest = 0

  add(milliseconds: number): void {
    const rounded = Number(Math.max(1, milliseconds).toPrecision(2))
    this.#counts.set(rounded, (this.#counts.get(rounded) ?? 0) + 1)
    this.largest = Math.max(this.largest, milliseconds)
    this.count++
  }

  /** The value that `percent` of all are not above. */
  percentile(percent: number): number {
    let remaining = Math.ceil(this.count * percent / 100)
    for (const [milliseconds, times] of [...this.#counts].sort(([one], [other]) => one - other)) {
      remaining -= times
      if (remaining <= 0) return milliseconds
    }
    return 0
  }
}
