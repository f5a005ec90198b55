/**
 * What the tools have in common about pages of Markdown.
 *
 * @since 0.2.0
 */

/**
 * What GitHub makes of a heading, and the site too.
 *
 * @since 0.2.0
 * @category anchors
 */
export const anchorOf = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{Letter}\p{Number} _-]/gu, "").replace(/ /g, "-")

/**
 * Where the headings of a page are, in their order: one with the letters of an earlier one gets a number.
 *
 * @since 0.2.0
 * @category anchors
 */
export const anchorsOf = (headings: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return headings.map((heading) => {
    const anchor = anchorOf(heading)
    let own = anchor
    for (let count = 1; taken.has(own); count++) own = `${anchor}-${count}`
    taken.add(own)
    return own
  })
}
