import { rooms } from "./atoms.ts"
import { Connection } from "./Connection.tsx"
import { ReadingForm } from "./ReadingForm.tsx"
import { Room } from "./Room.tsx"

export const App = () => (
  <>
    <header>
      <h1>Rooms</h1>
      <Connection />
    </header>
    <main>
      <section aria-labelledby="latest">
        <h2 id="latest">Latest temperatures</h2>
        <ul className="rooms">
          {rooms.map((room) => <Room key={room} room={room} />)}
        </ul>
      </section>
      <section aria-labelledby="enter">
        <h2 id="enter">Enter a temperature</h2>
        <ReadingForm />
      </section>
    </main>
  </>
)
