/**
 * Which Topic Filters share a SUBSCRIBE or UNSUBSCRIBE.
 *
 * `subscriptions.ts` decides when to subscribe. MQTT 5.0 section 3.8.2.1.
 */
import type { Asking } from "./subscribedFilter.ts"

/** A SUBSCRIBE has one Subscription Identifier and one list of User Properties for all its filters. */
export const alike = (
  askings: ReadonlyArray<Asking>,
  takesIdentifiers: boolean
): Iterable<ReadonlyArray<Asking>> => {
  const alike = new Map<string, Array<Asking>>()
  for (const asking of askings) {
    const key = `${takesIdentifiers ? asking.filter.identifier : ""} ${JSON.stringify(asking.userProperties)}`
    const some = alike.get(key)
    if (some === undefined) alike.set(key, [asking])
    else some.push(asking)
  }
  return alike.values()
}

/** Cuts the items into groups of at most `size`. */
export const inPacketsOf = function*<A>(size: number, items: ReadonlyArray<A>): Iterable<ReadonlyArray<A>> {
  for (let index = 0; index < items.length; index += size) yield items.slice(index, index + size)
}
