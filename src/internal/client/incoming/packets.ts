/**
 * Which Topic Filters share a SUBSCRIBE or UNSUBSCRIBE.
 *
 * When filters are asked for is decided in `subscriptions.ts`. MQTT 5.0 section 3.8.2.1.
 */
import type { SubscribedFilter } from "./subscribedFilter.ts"

/** A SUBSCRIBE has one Subscription Identifier and one list of User Properties for all its filters. */
export const alike = (
  entries: ReadonlyArray<SubscribedFilter>,
  takesIdentifiers: boolean
): Iterable<ReadonlyArray<SubscribedFilter>> => {
  const alike = new Map<string, Array<SubscribedFilter>>()
  for (const entry of entries) {
    const key = `${takesIdentifiers ? entry.identifier : ""} ${JSON.stringify(entry.userProperties)}`
    const some = alike.get(key)
    if (some === undefined) alike.set(key, [entry])
    else some.push(entry)
  }
  return alike.values()
}

/** So many at once. */
export const inPacketsOf = function*<A>(size: number, items: ReadonlyArray<A>): Iterable<ReadonlyArray<A>> {
  for (let index = 0; index < items.length; index += size) yield items.slice(index, index + size)
}
