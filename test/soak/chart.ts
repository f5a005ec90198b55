/**
 * Charts of numbers over time: in a line of a terminal, and as an SVG.
 */
const eighths = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

/** A bar of this share of a width, to an eighth of a character. */
export const bar = (share: number, width: number): string => {
  const length = Math.round(share * width * 8)
  const rest = length % 8
  return "█".repeat(Math.floor(length / 8)) + (rest === 0 ? "" : eighths[rest - 1])
}

/** The values from 0 up, averaged to so many characters. */
export const line = (values: ReadonlyArray<number>, width: number): string => {
  const columns = Math.min(width, values.length)
  const means = Array.from({ length: columns }, (_, column) => {
    const from = Math.floor(column * values.length / columns)
    const part = values.slice(from, Math.max(from + 1, Math.floor((column + 1) * values.length / columns)))
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
  const most = Math.max(...means, 1)
  return means.map((mean) => heights[Math.min(7, Math.max(0, Math.ceil(mean / most * 8) - 1))]).join("")
}

interface Sample {
  readonly at: number
}

/** A counter as what was added a second, between each sample and the next. */
export const rates = <A extends Sample>(samples: ReadonlyArray<A>, of: (sample: A) => number): ReadonlyArray<number> =>
  samples.slice(1).map((sample, index) => {
    const before = samples[index]
    return (of(sample) - of(before)) / (sample.at - before.at) * 1000
  })

interface Panel {
  readonly name: string
  readonly at: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

const width = 720
const height = 90
const gap = 34
const left = 56

const round = (value: number): string => value.toFixed(1).replace(/\.0$/, "")

/** The colours of the other pictures of the documentation, on a light page and on a dark one. */
const style = [
  `<style>text{font:11px system-ui,sans-serif;fill:#57606a}.mark{stroke:#8884}.axis{fill:none;stroke:#888}`,
  `.line{fill:none;stroke:#2f81f7;stroke-width:1.5}`,
  `@media(prefers-color-scheme:dark){text{fill:#adbac7}}</style>`
]

/** One below the other, with a common axis of minutes. */
export const svg = ({ marks, panels, title }: {
  readonly title: string
  readonly marks: ReadonlyArray<number>
  readonly panels: ReadonlyArray<Panel>
}): string => {
  const last = Math.max(...panels.flatMap(({ at }) => at), 1)
  const x = (minutes: number) => left + minutes / last * (width - left - 10)
  const total = panels.length * (height + gap) + 50
  const drawn = panels.map(({ at, name, values }, index) => {
    const top = 34 + index * (height + gap)
    const most = Math.max(...values, 1) * 1.1
    const y = (value: number) => top + height - value / most * height
    const points = values.map((value, position) => `${round(x(at[position]))},${round(y(value))}`).join(" ")
    const [least, largest] = [Math.min(...values), Math.max(...values)]
    return [
      `<text x="${left}" y="${top - 5}">${name}: ${round(least)} to ${round(largest)}</text>`,
      `<path d="${marks.map((mark) => `M${round(x(mark))} ${top}v${height}`).join("")}" class="mark"/>`,
      `<path d="M${left} ${top}v${height}H${width - 10}" class="axis"/>`,
      `<text x="${left - 6}" y="${top + height}" text-anchor="end">0</text>`,
      `<text x="${left - 6}" y="${round(y(largest) + 4)}" text-anchor="end">${round(largest)}</text>`,
      `<polyline points="${points}" class="line"/>`
    ].join("\n")
  })
  const axis = Array.from({ length: 7 }, (_, index) => last * index / 6).map((minutes) =>
    `<text x="${round(x(minutes))}" y="${total - 14}" text-anchor="middle">${round(minutes)}</text>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}">`,
    ...style,
    `<text x="${left}" y="14" font-weight="bold">${title}</text>`,
    ...drawn,
    ...axis,
    `<text x="${width - 10}" y="${total - 2}" text-anchor="end">minutes</text>`,
    "</svg>",
    ""
  ].join("\n")
}
