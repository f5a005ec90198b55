import { assert, describe, it } from "@effect/vitest"
import { render } from "../../scripts/performance/chart.ts"
import { nativeChart, nativeSection, type StoredResult } from "../../scripts/performance/native.ts"
import { ratiosChart } from "../../scripts/performance/ratios.ts"
import { sideColors } from "../../scripts/performance/rows.ts"

const detail = (rate: number) => ({ lowest: rate * 0.9, highest: rate * 1.1, cpu: 1, sinkCpu: 0.2 })

const row: StoredResult["rows"][number] = {
  name: "publish qos1 window 1000",
  unit: "messages/s",
  better: "higher",
  ours: 1_000_000,
  peer: 150_000,
  limit: 8_000_000,
  ratio: 6.667,
  rounds: 7,
  detail: { ours: detail(1_000_000), peer: detail(150_000), limit: detail(8_000_000) }
}

const result: StoredResult = {
  command: "npm run bench",
  code: "commit 1a2b3c4 of 2026-11-30",
  quick: false,
  seconds: 600,
  machine: { cores: 2, processor: "a processor", memory: "8 GiB", system: "Linux", node: "v24", peer: "MQTT.js" },
  rows: [row]
}

const measured: StoredResult = {
  ...result,
  natives: [
    { _tag: "Built", name: "libmosquitto", version: "2.0.11" },
    { _tag: "LeftOut", name: "paho", reason: "MQTTAsync.h is not installed" }
  ],
  rows: [{ ...row, libmosquitto: 40_000, paho: null, detail: { ...row.detail, libmosquitto: detail(40_000) } }]
}

/** Where a bar of this colour begins and how long it is. */
const barOf = (svg: string, color: string) => {
  const [, x, width] =
    new RegExp(`<rect x="([\\d.]+)" y="[\\d.]+" width="([\\d.]+)" height="11" fill="${color}"/>(?!<text)`)
      .exec(svg) ?? []
  return { from: Number(x), to: Number(x) + Number(width) }
}

describe("the chart of ratios", () => {
  it("grows from 1 to the right where we are better, and to the left where MQTT.js is", () => {
    const svg = render(ratiosChart([{ ...row, ratio: 10 }, { ...row, name: "cold import", ratio: 0.1 }]))
    const better = barOf(svg, sideColors.ours)
    const worse = barOf(svg, sideColors.peer)
    assert.closeTo(worse.to, better.from, 0.2)
    assert.closeTo(worse.to - worse.from, better.to - better.from, 0.2)
    assert.include(svg, ">10.00</text>")
    assert.include(svg, ">0.10</text>")
  })

  it("has every row with a peer, but none of another package", () => {
    const { groups } = ratiosChart([row, { ...row, name: "alone", ratio: null }, {
      ...row,
      name: "v3",
      minimumOfOurs: 0.5
    }])
    assert.deepStrictEqual(groups.map(({ label }) => label), [row.name])
  })
})

describe("the page about performance", () => {
  it("says of a result from before the libraries in C that it has none", () => {
    const section = nativeSection(result, "native.svg")
    assert.include(section, "This run is older than the comparison with libraries in C.")
    assert.notInclude(section, "native.svg")
    assert.notInclude(section, "| row |")
    assert.deepStrictEqual(nativeChart(result).groups, [])
  })

  it("names the reason where no library in C was measured", () => {
    const natives = [{ _tag: "LeftOut", name: "paho", reason: "there is no C compiler" }] as const
    assert.include(
      nativeSection({ ...result, natives }, "native.svg"),
      "paho.mqtt.c was left out: there is no C compiler."
    )
  })

  it("has a row for each experiment with libraries in C, and an empty cell for one that is left out", () => {
    const section = nativeSection(measured, "native.svg")
    assert.include(
      section,
      "| publish qos1 window 1000 | 1.00 M <sub>-10% +10%</sub> | 40.0 k <sub>-10% +10%</sub> |  | 25.00 |  |"
    )
    assert.include(section, "libmosquitto says that it is version 2.0.11. paho.mqtt.c was left out:")
    assert.include(section, "](native.svg)")
  })

  it("draws a bar for each side that was measured", () => {
    const { groups } = nativeChart(measured)
    assert.deepStrictEqual(
      groups.map(({ bars, label }) => [label, ...bars.map(({ series }) => series)]),
      [["publish qos1 window 1000", "effect-mqtt", "libmosquitto"]]
    )
    assert.include(render(nativeChart(measured)), ">40.0 k</text>")
  })

  it("says what is not between equals, with figures and without", () => {
    for (const one of [result, measured]) assert.include(nativeSection(one, "native.svg"), "**Threads.**")
  })
})
