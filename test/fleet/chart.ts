/**
 * Curves of several policies over the seconds of a fault, as an SVG that is readable on a light and on a dark page.
 */
interface Panel {
  readonly name: string
  /** A logarithmic scale begins at 1, and a value below it is drawn there. */
  readonly scale: "linear" | "logarithmic"
  /** One curve for each policy: the values at the end of second 1, 2 and so on. */
  readonly curves: ReadonlyArray<ReadonlyArray<number>>
  /** A value with a meaning, at which a line is drawn. */
  readonly limit?: { readonly name: string; readonly value: number }
}

export interface Chart {
  readonly title: string
  readonly policies: ReadonlyArray<string>
  /** The second in which the fault ends. */
  readonly end: number
  readonly panels: ReadonlyArray<Panel>
}

const width = 720
const height = 110
const gap = 36
const left = 62
const right = 14
const top = 58
const colors = ["#2f81f7", "#db6d28", "#8957e5"]

const round = (value: number): string => value.toFixed(1).replace(/\.0$/, "")
const whole = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 0 })

const style = [
  `<style>text{font:11px system-ui,sans-serif;fill:#57606a}.title{font-weight:bold}.mark{stroke:#8886;stroke-dasharray:3 3}.axis{fill:none;stroke:#888}`,
  `.grid{stroke:#8883}.limit{stroke:#d1242f;stroke-dasharray:5 3}polyline{fill:none;stroke-width:1.3}`,
  `@media(prefers-color-scheme:dark){text{fill:#adbac7}.limit{stroke:#f85149}}</style>`
]

/** The values with a label, and how high a value stands, from 0 to 1. */
const scaleOf = ({ curves, scale }: Panel) => {
  const most = Math.max(1, ...curves.flat())
  if (scale === "linear") return { ticks: [0, most / 2, most], share: (value: number) => value / most / 1.05 }
  const decades = Math.ceil(Math.log10(most))
  return {
    ticks: Array.from({ length: decades + 1 }, (_, index) => 10 ** index),
    share: (value: number) => Math.log10(Math.max(1, value)) / decades
  }
}

/** The panels one below the other, with a common axis of seconds. */
export const svg = ({ end, panels, policies, title }: Chart): string => {
  const last = Math.max(1, ...panels.flatMap(({ curves }) => curves.map(({ length }) => length)))
  const x = (second: number): number => left + second / last * (width - left - right)
  const total = top + panels.length * (height + gap) + 12
  const legend = policies.map((name, index) =>
    `<line x1="${left + index * 150}" x2="${left + index * 150 + 18}" y1="30" y2="30" stroke="${
      colors[index]
    }" stroke-width="3"/><text x="${left + index * 150 + 24}" y="34">${name}</text>`
  )
  const drawn = panels.map((panel, index) => {
    const above = top + index * (height + gap)
    const { share, ticks } = scaleOf(panel)
    const y = (value: number): number => above + height * (1 - share(value))
    const { limit } = panel
    return [
      `<text x="${left}" y="${above - 6}" class="title">${panel.name}</text>`,
      ...ticks.flatMap((tick) => [
        `<line x1="${left}" x2="${width - right}" y1="${round(y(tick))}" y2="${round(y(tick))}" class="grid"/>`,
        `<text x="${left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${whole(tick)}</text>`
      ]),
      `<line x1="${round(x(end))}" x2="${round(x(end))}" y1="${above}" y2="${above + height}" class="mark"/>`,
      ...limit === undefined ? [] : [
        `<line x1="${left}" x2="${width - right}" y1="${round(y(limit.value))}" y2="${
          round(y(limit.value))
        }" class="limit"/>`,
        `<text x="${width - right}" y="${round(y(limit.value) - 4)}" text-anchor="end">${limit.name}</text>`
      ],
      // The first policy last, so that it lies on top.
      ...panel.curves.map((values, policy) => {
        const points = values.map((value, second) => `${round(x(second + 1))},${round(y(value))}`).join(" ")
        return `<polyline points="${points}" stroke="${colors[policy]}"/>`
      }).reverse(),
      `<path d="M${left} ${above}v${height}H${width - right}" class="axis"/>`
    ].join("\n")
  })
  const step = [10, 20, 30, 60, 120].find((seconds) => last / seconds <= 8) ?? 240
  const seconds = Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step)
  const axis = seconds.map((second) =>
    `<text x="${round(x(second))}" y="${total - 22}" text-anchor="middle">${second}</text>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}">`,
    `<title>${title}</title>`,
    ...style,
    `<text x="${left}" y="16" class="title">${title}</text>`,
    ...legend,
    ...drawn,
    ...axis,
    `<text x="${width - right}" y="${
      total - 6
    }" text-anchor="end">seconds since the fault began; the grey line: its end</text>`,
    "</svg>",
    ""
  ].join("\n")
}
