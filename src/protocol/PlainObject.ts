/**
 * Constructors of plain objects, for values of which there are millions in a moment: acknowledgements.
 *
 * V8 counts for each object literal in the source how many of its objects survive. If a collection comes while a thousand
 * of them wait, V8 may allocate all later ones as old objects, which stay until the next full collection. That cost
 * receiving a tenth of its speed in most processes. V8 counts nothing for the objects of a constructor.
 */

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** Makes a constructor of a function that assigns all fields. Its objects have the prototype of literals. */
export const constructor = <A extends object, Arguments extends ReadonlyArray<unknown>>(
  assign: (this: Mutable<A>, ...args: Arguments) => void
): new(...args: Arguments) => A => {
  assign.prototype = Object.prototype
  return assign as unknown as new(...args: Arguments) => A
}
