/**
 * For programs that run outside of Vitest: `node --import ./test/through-effect3/register.ts test/simulation/run.ts`.
 */
import { registerHooks } from "node:module"
import { redirect } from "./redirect.ts"

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const resolved = nextResolve(specifier, context)
    const replacement = context.parentURL === undefined ? undefined : redirect(resolved.url, context.parentURL)
    return replacement === undefined ? resolved : { ...resolved, url: replacement, shortCircuit: true }
  }
})
