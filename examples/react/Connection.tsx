import { useAtomValue } from "@effect/atom-react"
import type { MqttState } from "effect-mqtt"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import { connection, problem } from "./atoms.ts"
import { Problem } from "./Problem.tsx"

const describe = (state: MqttState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return state.attempt === 1 ? "Connecting" : `Connecting, attempt ${state.attempt}`
    case "Connected":
      return "Connected"
    case "Disconnected":
      return "Disconnected, trying again"
    case "Closed":
      return "Closed"
  }
}

/** The state of the connection, in words. */
export const Connection = () => {
  const ended = useAtomValue(problem)
  const [tag, text] = AsyncResult.builder(useAtomValue(connection))
    .onSuccess((state) => [state._tag, describe(state)])
    .onFailure(() => ["Closed", "Closed"])
    .orElse(() => ["Connecting", "Starting"])
  return (
    <>
      <output className="state" data-state={tag}>{text}</output>
      {ended !== undefined && (
        <Problem error={ended}>
          <button type="button" onClick={() => location.reload()}>Load the page again</button>
        </Problem>
      )}
    </>
  )
}
