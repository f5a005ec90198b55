/**
 * Docstrings of the main package, for the package for Effect 3.
 *
 * @since 0.2.0
 */

/** An example and the empty line before it. */
const example = /\n[ ]*\*\n[ ]*\* \*\*Example\*\*[^`]*```ts\n[^]*?```(?=\n)/g

/** Names of the main package and of its paths. */
const packageName = /\beffect-mqtt\b(?![.-])/g

/**
 * The docstring with the names of the other package, and without examples, which are programs of Effect 4.
 *
 * @since 0.2.0
 * @category conversions
 */
export const docstring = (text: string): string => text.replace(example, "").replace(packageName, "effect-mqtt-v3")
