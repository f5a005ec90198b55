/**
 * Everything the broker has seen and sent, in order, and the tests that wait for more of it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Packet from "../../protocol/Packet.ts"
import type { Connection } from "./Connection.ts"
import type { Message } from "./Message.ts"

/**
 * A packet that passed, on which connection and when.
 *
 * @since 0.1.0
 * @category models
 */
export interface Passed {
  /** Milliseconds since the broker was made. */
  readonly at: number
  readonly connection: number
  readonly clientId: string
  /** As the broker sees it. */
  readonly direction: "received" | "sent"
  readonly packet: Packet.Packet
}

interface Waiter {
  readonly isSatisfied: () => boolean
  readonly resume: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Journal {
  readonly add: (connection: Connection, direction: Passed["direction"], packet: Packet.Packet, at: number) => void
  readonly accept: (message: Message) => void
  readonly passed: () => ReadonlyArray<Passed>
  readonly messages: () => ReadonlyArray<Message>
  /** Waits until `count` of the passed packets satisfy the predicate. */
  readonly awaitPassed: (predicate: (passed: Passed) => boolean, count: number) => Effect.Effect<ReadonlyArray<Passed>>
  /** Waits until `count` of the messages satisfy the predicate. */
  readonly awaitMessages: (
    predicate: (message: Message) => boolean,
    count: number
  ) => Effect.Effect<ReadonlyArray<Message>>
  /** Wakes those whose condition has come to hold. */
  readonly wake: () => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Journal => {
  const passed: Array<Passed> = []
  const messages: Array<Message> = []
  let waiters: Array<Waiter> = []
  /** Looks at each item once. */
  const until = <A>(
    items: ReadonlyArray<A>,
    predicate: (item: A) => boolean,
    count: number
  ): Effect.Effect<ReadonlyArray<A>> =>
    Effect.callback((resume) => {
      const found: Array<A> = []
      let next = 0
      const isSatisfied = (): boolean => {
        for (; next < items.length && found.length < count; next++) {
          if (predicate(items[next])) found.push(items[next])
        }
        return found.length >= count
      }
      if (isSatisfied()) return resume(Effect.succeed(found))
      const waiter = { isSatisfied, resume: () => resume(Effect.succeed(found)) }
      waiters.push(waiter)
      return Effect.sync(() => {
        waiters = waiters.filter((other) => other !== waiter)
      })
    })

  return {
    add: (connection, direction, packet, at) => {
      passed.push({
        at,
        connection: connection.number,
        // The identifier may be assigned after CONNECT was seen.
        get clientId() {
          return connection.clientId
        },
        direction,
        packet
      })
    },
    accept: (message) => void messages.push(message),
    passed: () => passed,
    messages: () => messages,
    awaitPassed: (predicate, count) => until(passed, predicate, count),
    awaitMessages: (predicate, count) => until(messages, predicate, count),
    wake: () => {
      if (waiters.length === 0) return
      const satisfied = waiters.filter((waiter) => waiter.isSatisfied())
      waiters = waiters.filter((waiter) => !satisfied.includes(waiter))
      for (const { resume } of satisfied) resume()
    }
  }
}
