/**
 * The pages of `examples` on a phone and on a desk, by day and by night: nothing is cut, and no text lies on a curve.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Layout from "../browser/Layout.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Scenes from "./Scenes.ts"

const timeout = 120_000

/** Every view of a moment has nothing wrong. */
const look: Scenes.Look = (moment, page) =>
  Effect.forEach(
    Layout.views,
    (view) =>
      Effect.gen(function*() {
        yield* Layout.show(page, view)
        const faults = yield* Layout.faults(page)
        assert.deepStrictEqual(faults, [], `${moment}, ${view.width} pixels, ${view.theme}`)
      }),
    { discard: true }
  )

suiteWith(Scenes.requirements, "a page of examples", () => {
  it.layer(Scenes.layer, { excludeTestServices: true, timeout })((it) => {
    for (const { name, scenes } of Scenes.examples({ before: 10, after: 15 })) {
      it.effect(`${name} fits a phone and a desk, by day and by night`, () => Effect.scoped(scenes(look)), timeout)
    }
  })
})
