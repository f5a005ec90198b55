/**
 * A line over time, drawn as SVG. It does not know the meaning of its values.
 */

/** The time in milliseconds, and the value. `undefined` interrupts the line. */
export type Point = readonly [at: number, value: number | undefined]

/** Start and end; `undefined` means that it goes on. */
export interface Span {
  readonly from: number
  readonly to: number | undefined
}

export interface Options {
  readonly title: string
  readonly unit: string
  /** The color of the line, for light and dark. */
  readonly color: string
  /** Digits after the decimal point. */
  readonly digits: number
  /** The scale reaches at least this value. */
  readonly least: number
}

export interface Chart {
  readonly draw: (points: ReadonlyArray<Point>, outages: ReadonlyArray<Span>, now: number) => void
}

/** The time shown, in milliseconds. */
export const timeShown = 30_000

const width = 600
const height = 150
const svgNamespace = "http://www.w3.org/2000/svg"

const child = (parent: Element, name: string, className: string, text = ""): HTMLElement => {
  const element = document.createElement(name)
  element.className = className
  element.textContent = text
  return parent.appendChild(element)
}

const shape = (parent: Element, name: string, className: string, attributes: Record<string, string> = {}): Element => {
  const element = document.createElementNS(svgNamespace, name)
  for (const [attribute, value] of Object.entries({ class: className, ...attributes })) {
    element.setAttribute(attribute, value)
  }
  return parent.appendChild(element)
}

/** The next number that is easy to halve. */
const roundUp = (value: number): number => {
  const magnitude = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((step) => step * magnitude).find((step) => step >= value) ?? value
}

/** The unbroken stretches of the line, each a list of places. */
const stretches = (places: ReadonlyArray<readonly [x: number, y: number | undefined]>) => {
  const found: Array<Array<string>> = [[]]
  for (const [x, y] of places) {
    if (y === undefined) found.push([])
    else found[found.length - 1].push(`${x.toFixed(1)},${y.toFixed(1)}`)
  }
  return found.filter(({ length }) => length > 1)
}

const xOf = (stretch: ReadonlyArray<string>, index: number): string => stretch.at(index)?.split(",")[0] ?? "0"

export const make = (parent: Element, { color, digits, least, title, unit }: Options): Chart => {
  const figure = child(parent, "figure", "chart")
  figure.style.setProperty("--color", color)
  child(figure, "h2", "", title)
  const head = child(figure, "div", "head")
  const value = child(head, "p", "value", "–")
  const top = child(head, "span", "top")
  const svg = shape(figure, "svg", "", {
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": title
  })
  for (const y of [0.5, height / 2, height - 0.5]) {
    shape(svg, "line", "grid", { x1: "0", x2: `${width}`, y1: `${y}`, y2: `${y}` })
  }
  const bands = shape(svg, "g", "")
  const area = shape(svg, "path", "area")
  const line = shape(svg, "path", "line")
  const axis = child(figure, "div", "axis")
  child(axis, "span", "", `${timeShown / 1000} s ago`)
  child(axis, "span", "", "now")

  const draw: Chart["draw"] = (points, outages, now) => {
    const x = (at: number): number => Math.max(0, (at - now + timeShown) / timeShown * width)
    const shown = points.filter(([at]) => at >= now - timeShown)
    const highest = roundUp(Math.max(least, ...shown.map(([, value]) => value ?? 0)))
    const drawn = stretches(
      shown.map(([at, value]) => [x(at), value === undefined ? undefined : height - value / highest * (height - 8) - 2])
    )
    line.setAttribute("d", drawn.map((stretch) => `M${stretch.join("L")}`).join(""))
    area.setAttribute(
      "d",
      drawn.map((stretch) => `M${xOf(stretch, 0)},${height}L${stretch.join("L")}L${xOf(stretch, -1)},${height}Z`).join(
        ""
      )
    )
    bands.replaceChildren()
    for (const { from, to = now } of outages.filter(({ to = now }) => to > now - timeShown)) {
      shape(bands, "rect", "outage", {
        x: `${x(from)}`,
        width: `${Math.max(1, x(to) - x(from))}`,
        y: "0",
        height: `${height}`
      })
    }
    const latest = shown.at(-1)?.[1]
    value.textContent = latest === undefined ? "–" : `${latest.toFixed(digits)} ${unit}`.trim()
    top.textContent = `${highest} ${unit}`.trim()
  }
  return { draw }
}
