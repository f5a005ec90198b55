import { useAtomValue } from "@effect/atom-react"
import * as Option from "effect/Option"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import { problem, temperature } from "./atoms.ts"
import { Problem } from "./Problem.tsx"

interface Properties {
  readonly room: string
}

const describe = Option.match<string, number>({
  onNone: () => "no reading yet",
  onSome: (celsius) => `${celsius.toFixed(1)} °C`
})

/** The latest temperature of a room. It stays while there is no connection. */
export const Room = ({ room }: Properties) => {
  const isClosed = useAtomValue(problem) !== undefined
  return (
    <li>
      <span>{room}</span>
      {AsyncResult.builder(useAtomValue(temperature(room)))
        .onSuccess((latest) => <strong>{describe(latest)}</strong>)
        .onError((error) => isClosed ? <strong>–</strong> : <Problem error={error} />)
        .orElse(() => <strong>–</strong>)}
    </li>
  )
}
