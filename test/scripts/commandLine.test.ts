import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { withLazyBuiltIns, withLazySegmenters } from "../../scripts/commandLine.ts"

describe("the bundle of the command line", () => {
  it("loads a module of Node where it is used, and leaves everything else as it is", () => {
    const code = [
      "#!/usr/bin/env node",
      "const require_runtime = require(\"./runtime.cjs\");",
      "let node_tls = require(\"node:tls\");",
      "node_tls = require_runtime.t(node_tls, 1);",
      "let node_fs_promises = require(\"node:fs/promises\");",
      "const socket = () => new node_tls.TLSSocket();",
      "const all = { ...node_fs_promises };",
      "const other = [mine.node_tls, node_tlsx];",
      ""
    ].join("\n")
    assert.strictEqual(
      withLazyBuiltIns(code),
      [
        "#!/usr/bin/env node",
        "const node$ = {",
        "  get node_tls() { return process.getBuiltinModule(\"node:tls\") },",
        "  get node_fs_promises() { return process.getBuiltinModule(\"node:fs/promises\") }",
        "};",
        "const require_runtime = require(\"./runtime.cjs\");",
        "const socket = () => new node$.node_tls.TLSSocket();",
        "const all = { ...node$.node_fs_promises };",
        "const other = [mine.node_tls, node_tlsx];",
        ""
      ].join("\n")
    )
  })

  it("is as it was where no module of Node is used", () => {
    const code = "const answer = 42\n"
    assert.strictEqual(withLazyBuiltIns(code), code)
  })
})

describe("withLazySegmenters", () => {
  const code = "const graphemes = /*#__PURE__*/new Intl.Segmenter(undefined, {\n  granularity: \"grapheme\"\n});\n"

  const load = (made: Array<unknown>) => {
    class Segmenter extends Intl.Segmenter {
      constructor(locale: undefined, options: Intl.SegmenterOptions) {
        super(locale, options)
        made.push(options)
      }
    }
    return new Function("Intl", `${withLazySegmenters(code)}\nreturn graphemes`)({ Segmenter })
  }

  const segmentsOf = (segmenter: { readonly segment: (text: string) => Iterable<Intl.SegmentData> }, text: string) =>
    Array.from(segmenter.segment(text), ({ segment }) => segment)

  it("makes a segmenter for the first text that needs one, and no other", () => {
    const made: Array<unknown> = []
    const graphemes = load(made)
    assert.deepStrictEqual(segmentsOf(graphemes, "-h ~"), ["-", "h", " ", "~"])
    assert.deepStrictEqual(made, [])
    assert.deepStrictEqual(segmentsOf(graphemes, "e\u0301a"), ["e\u0301", "a"])
    assert.deepStrictEqual(segmentsOf(graphemes, "\r\n"), ["\r\n"])
    assert.deepStrictEqual(made, [{ granularity: "grapheme" }])
  })

  it("finds the one that Effect makes", () => {
    const file = fileURLToPath(import.meta.resolve("effect/cli/CliOutput"))
    const module = fs.readFileSync(file, "utf8")
    assert.notStrictEqual(withLazySegmenters(module), module)
  })
})
