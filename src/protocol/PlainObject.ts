/**
 * Constructors of plain objects, for values of which there are millions: acknowledgements and deliveries.
 *
 * V8 counts for each object literal in the source how many of its objects survive. If many messages wait, it may allocate
 * all later objects of that literal as old ones, and everything they refer to stays alive until the next full collection.
 * That cost receiving a tenth of its speed in most processes. V8 counts nothing for the objects of a constructor.
 */

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** Makes a constructor of a function that assigns all fields. Its objects have the prototype of literals. */
export const constructor = <A extends object, Arguments extends ReadonlyArray<unknown>>(
  assign: (this: Mutable<A>, ...args: Arguments) => void
): new(...args: Arguments) => A => {
  assign.prototype = Object.prototype
  return assign as unknown as new(...args: Arguments) => A
}
