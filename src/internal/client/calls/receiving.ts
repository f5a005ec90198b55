/**
 * The ways of receiving besides `subscribe`, `consume` and `respond`.
 */
import * as Stream from "effect/Stream"
import type { SubscribeOptions } from "../../clientOptions.ts"
import type { Holding } from "./held.ts"
import * as Manual from "./manual.ts"
import * as Next from "./next.ts"
import type * as Subscribe from "./subscribe.ts"

export const make = (client: Holding, subscribe: ReturnType<typeof Subscribe.make>) => ({
  messages: (topicFilter: string | ReadonlyArray<string>, options?: SubscribeOptions) =>
    Stream.unwrap(subscribe(topicFilter, options)),
  next: Next.make(client),
  deliveries: Manual.make(client)
})
