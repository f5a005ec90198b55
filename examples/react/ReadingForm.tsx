import { useAtom, useAtomValue } from "@effect/atom-react"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import { type FormEvent, useState } from "react"
import { problem, publish, rooms } from "./atoms.ts"
import { Outbox } from "./Outbox.tsx"
import { Problem } from "./Problem.tsx"

/** Publishes a reading. Without a connection, the reading waits in the store. */
export const ReadingForm = () => {
  const [room, setRoom] = useState(rooms[0])
  const [celsius, setCelsius] = useState("")
  const [outcome, take] = useAtom(publish)
  const isClosed = useAtomValue(problem) !== undefined

  const submit = (event: FormEvent) => {
    event.preventDefault()
    take({ room, celsius: Number(celsius) })
    setCelsius("")
  }

  return (
    <form onSubmit={submit}>
      <fieldset disabled={isClosed}>
        <label>
          Room
          <select name="room" value={room} onChange={(event) => setRoom(event.target.value)}>
            {rooms.map((room) => <option key={room}>{room}</option>)}
          </select>
        </label>
        <label>
          Temperature, °C
          <input
            name="celsius"
            type="number"
            step="0.1"
            required
            autoComplete="off"
            value={celsius}
            onChange={(event) => setCelsius(event.target.value)}
          />
        </label>
        <button>Publish</button>
      </fieldset>
      <Outbox />
      {!isClosed && AsyncResult.builder(outcome)
        .onError((error) => <Problem error={error} />)
        .orNull()}
    </form>
  )
}
