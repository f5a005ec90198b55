import { assert, describe, it } from "@effect/vitest"
import { withLazyBuiltIns } from "../../scripts/commandLine.ts"

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
