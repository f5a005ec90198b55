/**
 * Faults that a person would see in a page at a width and in a theme: text that is cut, that lies on other text or on a
 * curve, or that can hardly be read, and a page that has to be scrolled sideways.
 */
import { Effect } from "effect"
import type { Page } from "./Chromium.ts"

export interface View {
  /** Of the window, pixels. */
  readonly width: number
  readonly theme: "light" | "dark"
}

/** A phone and a desk, by day and by night. */
export const views: ReadonlyArray<View> = [375, 1280].flatMap((width) =>
  (["light", "dark"] as const).map((theme) => ({ width, theme }))
)

const height: { readonly [width: number]: number } = { 375: 812, 1280: 800 }

/** The page as it is in this view from now on. */
export const show = ({ playwright }: Page, { theme, width }: View): Effect.Effect<void> =>
  Effect.promise(async () => {
    await playwright.setViewportSize({ width, height: height[width] ?? 800 })
    await playwright.emulateMedia({ colorScheme: theme })
  })

/** Runs in the page, all at once, so it names nothing outside. */
const look = (): ReadonlyArray<string> => {
  const found: Array<string> = []
  const view = document.documentElement

  /** WCAG asks for this between a text and what is behind it. */
  const leastContrast = 4.5
  type Color = readonly [red: number, green: number, blue: number, alpha: number]
  const colorOf = (css: string): Color => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number)
    return [red, green, blue, alpha]
  }
  const luminance = (color: Color): number => {
    const [red, green, blue] = color.slice(0, 3).map((value) => {
      const share = value / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const canvas: Color = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1]
  const behind = (element: Element | null): Color => {
    if (element === null) return canvas
    const color = colorOf(getComputedStyle(element).backgroundColor)
    return color[3] === 0 ? behind(element.parentElement) : color
  }
  const contrast = (element: Element): number => {
    const [one, other] = [colorOf(getComputedStyle(element).color), behind(element)].map(luminance)
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
  }

  const lines: Array<{ readonly text: string; readonly box: DOMRect }> = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const { parentElement: parent, textContent } = node
    const text = textContent?.trim() ?? ""
    if (parent === null || text === "" || parent.closest("script, style") !== null) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    for (const box of range.getClientRects()) if (box.width > 0) lines.push({ text, box })
    // A button that cannot be pressed may be pale.
    const ratio = parent.closest(":disabled") === null ? contrast(parent) : leastContrast
    if (ratio < leastContrast) found.push(`"${text}" has a contrast of ${ratio.toFixed(2)}`)
  }

  if (lines.length === 0) found.push("there is no text")
  if (view.scrollWidth > view.clientWidth) found.push(`the page is ${view.scrollWidth} pixels wide`)
  for (const { box, text } of lines) {
    if (box.left < 0 || box.right > view.clientWidth + 0.5) found.push(`"${text}" leaves the page`)
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (element instanceof HTMLElement && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
      found.push(`<${element.localName} class="${element.className}"> is too narrow for what is in it`)
    }
  }

  const meet = (one: DOMRect, other: DOMRect): boolean =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1 &&
    Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1
  lines.forEach(({ box, text }, index) => {
    for (const other of lines.slice(index + 1)) {
      if (meet(box, other.box)) found.push(`"${text}" lies on "${other.text}"`)
    }
    // The curve may be anywhere in its plot.
    for (const plot of document.querySelectorAll("svg")) {
      if (meet(box, plot.getBoundingClientRect())) found.push(`"${text}" lies on the curve`)
    }
  })

  const heading = document.querySelector("h1")
  if (heading !== null) {
    const range = document.createRange()
    range.selectNodeContents(heading)
    if (range.getClientRects().length > 1) found.push(`the heading "${heading.textContent}" has more than one line`)
  }
  return found
}

/** What is wrong with the page as it is now. */
export const faults = ({ playwright }: Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() => playwright.evaluate(look))
