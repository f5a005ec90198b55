/**
 * The anchors of headings in pages of Markdown, for all tools that look at links.
 *
 * @since 0.2.0
 */

/**
 * The anchor that GitHub makes from a heading, and the site too.
 *
 * @since 0.2.0
 * @category anchors
 */
export const anchorOf = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{Letter}\p{Number} _-]/gu, "").replace(/ /g, "-")

/**
 * The anchors of the headings of a page, in their order. If an earlier heading has the same letters, a number is added.
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
