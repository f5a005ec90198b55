// Shows a page in React with its state in atoms: the connection, the latest values of some topics, and a form that
// works without a network. Serve it with `npx vite examples/react`. The page expects a broker's WebSocket port at
// localhost:9001, or at the address in ?url=.
import { RegistryProvider } from "@effect/atom-react"
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { App } from "./App.tsx"

const root = document.getElementById("root")
if (root === null) throw new Error("the page has no root")

createRoot(root).render(
  <StrictMode>
    <RegistryProvider>
      <App />
    </RegistryProvider>
  </StrictMode>
)
