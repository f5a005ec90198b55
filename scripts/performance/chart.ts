/**
 * Horizontal bars on a logarithmic scale, as SVG. It knows numbers and labels, and not their meaning.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface Bar {
  /** Decides the colour; it is in the legend. */
  readonly series: string
  readonly value: number
  /** The text behind the bar. */
  readonly text: string
  /** The lowest and the highest of the values whose median is `value`. */
  readonly spread?: readonly [number, number]
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Group {
  readonly label: string
  readonly bars: ReadonlyArray<Bar>
  /** The target: a line is drawn across the bars here. */
  readonly mark?: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Chart {
  readonly title: string
  /** In the order of the legend. */
  readonly series: ReadonlyArray<{ readonly name: string; readonly color: string }>
  readonly groups: ReadonlyArray<Group>
  /** Bars begin here and grow to both sides. Default: the left edge. */
  readonly base?: number
  readonly tick: (value: number) => string
}

const width = 940
const labelWidth = 380
const valueWidth = 90
const barHeight = 13
const groupGap = 9
const top = 62
const bottom = 18
/** At most, of the legend. */
const characterWidth = 7
const plotWidth = width - labelWidth - valueWidth

const escaped = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(content)}</text>`

/** Behind the end of a bar, on the side to which it grows. */
const valueText = (end: number, isLeftwards: boolean, y: number, content: string): string =>
  isLeftwards
    ? text(end - 5, y, content, `text-anchor="end" class="value"`)
    : text(end + 5, y, content, `class="value"`)

/** Whole powers of ten around the values. */
const decades = (values: ReadonlyArray<number>): { readonly from: number; readonly to: number } => ({
  from: Math.floor(Math.log10(Math.min(...values)) - 0.05),
  to: Math.ceil(Math.log10(Math.max(...values)))
})

/**
 * The chart as the text of an SVG file, readable on a light and on a dark page.
 *
 * @since 0.1.0
 * @category rendering
 */
export const render = ({ base, groups, series, tick, title }: Chart): string => {
  const values = groups.flatMap((
    { bars, mark }
  ) => [...bars.map(({ value }) => value), ...mark === undefined ? [] : [mark]])
  const { from, to } = decades(base === undefined ? values : [...values, base])
  const x = (value: number): number => labelWidth + (Math.log10(value) - from) / (to - from) * plotWidth
  const colorOf = (name: string): string => series.find((one) => one.name === name)?.color ?? "#888"
  const start = base === undefined ? labelWidth : x(base)
  const parts: Array<string> = []

  let y = top
  for (const { bars, label, mark } of groups) {
    const height = bars.length * barHeight
    parts.push(text(labelWidth - 8, y + height / 2 + 4, label, `text-anchor="end"`))
    for (const [index, { series, spread, text: written, value }] of bars.entries()) {
      const at = y + index * barHeight
      const isLeftwards = x(value) < start
      const left = Math.min(start, x(value)).toFixed(1)
      const length = Math.max(1, Math.abs(x(value) - start))
      parts.push(
        `<rect x="${left}" y="${at}" width="${length.toFixed(1)}" height="${barHeight - 2}" fill="${colorOf(series)}"/>`
      )
      const [lowest, highest] = spread ?? [value, value]
      const end = isLeftwards ? Math.min(value, lowest) : Math.max(value, highest)
      if (spread !== undefined) {
        const middle = (at + barHeight / 2 - 1).toFixed(1)
        parts.push(
          `<line x1="${x(spread[0]).toFixed(1)}" x2="${
            x(spread[1]).toFixed(1)
          }" y1="${middle}" y2="${middle}" class="spread"/>`
        )
      }
      parts.push(valueText(x(end), isLeftwards, at + barHeight - 3, written))
    }
    if (mark !== undefined) {
      const at = x(mark).toFixed(1)
      parts.push(`<line x1="${at}" x2="${at}" y1="${y - 3}" y2="${y + height + 1}" class="mark"/>`)
    }
    y += height + groupGap
  }

  const axis = Array.from({ length: to - from + 1 }, (_, index) => {
    const value = 10 ** (from + index)
    const at = x(value)
    return `<line x1="${at}" x2="${at}" y1="${top - 6}" y2="${y}" class="grid"/>` +
      text(at, top - 10, tick(value), `text-anchor="middle" class="value"`)
  })
  if (base !== undefined) axis.push(`<line x1="${start}" x2="${start}" y1="${top - 6}" y2="${y}" class="base"/>`)
  let at = labelWidth
  const legend = series.map(({ color, name }) => {
    const entry = `<rect x="${at}" y="26" width="11" height="11" fill="${color}"/>` + text(at + 16, 36, name)
    at += 40 + name.length * characterWidth
    return entry
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + bottom}" viewBox="0 0 ${width} ${
      y + bottom
    }">`,
    `<title>${escaped(title)}</title>`,
    `<style>text{font:12px system-ui,sans-serif;fill:#57606a}.value{font-size:10px}.grid{stroke:#8884;stroke-width:1}`,
    `.base{stroke:#57606a;stroke-width:1.5}`,
    `.spread{stroke:#0008;stroke-width:1.5}.mark{stroke:#d1242f;stroke-width:2}`,
    `@media(prefers-color-scheme:dark){text{fill:#adbac7}.spread{stroke:#fffb}.base{stroke:#adbac7}}</style>`,
    text(8, 20, title, `font-weight="bold"`),
    ...axis,
    ...legend,
    ...parts,
    "</svg>",
    ""
  ].join("\n")
}
