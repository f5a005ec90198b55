/**
 * Completions of shells, in processes of their own. Needs no broker.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { effectMqtt, run } from "./processes.ts"

describe("completions", () => {
  it.live.each(["bash", "zsh", "fish", "powershell"])(
    "completions for %s know commands and flags",
    (shell) =>
      Effect.gen(function*() {
        const { exitCode, stdout } = yield* effectMqtt(["completion", shell])
        assert.strictEqual(exitCode, 0)
        for (const word of ["respond", "bench", "will-topic", "tls-version", "completion"]) assert.include(stdout, word)
        assert.strictEqual((yield* effectMqtt(["--completions", shell])).stdout, stdout)
      })
  )

  it.live("bash completes commands, flags and values with them", () =>
    Effect.gen(function*() {
      const { stdout: script } = yield* effectMqtt(["completion", "bash"])
      const words = ["completion", "p", "pub --will-t", "pub --qos "]
      // As bash does it when somebody presses the key.
      const asked = words.map((line) => `
        COMP_LINE='effect-mqtt ${line}'
        COMP_WORDS=(effect-mqtt ${line.endsWith(" ") ? `${line}""` : line})
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        COMP_POINT=\${#COMP_LINE}
        COMPREPLY=()
        _effect_mqtt effect-mqtt "\${COMP_WORDS[COMP_CWORD]}"
        echo "\${COMPREPLY[@]}"`)
      const { stdout } = yield* run("bash", ["-c", [script, ...asked].join("\n")])
      assert.deepStrictEqual(stdout.split("\n"), ["completion", "pub ping", "--will-topic", "0 1 2", ""])
    }))
})
