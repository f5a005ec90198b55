import { useAtomValue } from "@effect/atom-react"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import { waiting } from "./atoms.ts"

const describe = (count: number): string =>
  count === 0
    ? "Everything has reached the broker."
    : `${count === 1 ? "1 reading waits" : `${count} readings wait`} in this browser. You may close the page.`

/** How many readings wait for the broker, including readings of earlier visits. */
export const Outbox = () => (
  <output className="outbox">
    {AsyncResult.builder(useAtomValue(waiting)).onSuccess(describe).orNull()}
  </output>
)
