/**
 * The steps of docs/guide.md for its reader, in the order of the page: write files, run commands, start programs in terminals of
 * their own and stop them.
 *
 * The first line of a block says it, after the language: `file=NAME` is a file, `run` a command that ends, `start=NAME` a
 * program that goes on, `output` the text that the command before it prints. `<!-- stop NAME -->` is where the reader stops one.
 * A block that says none of these is only shown.
 */

export type Step =
  | { readonly _tag: "Write"; readonly file: string; readonly text: string }
  | { readonly _tag: "Run"; readonly commands: string; readonly prints: string | undefined }
  | { readonly _tag: "Start"; readonly name: string; readonly command: string }
  | { readonly _tag: "Stop"; readonly name: string }

const pattern =
  /^```(?:sh (?<run>run)|sh start=(?<start>\S+)|text (?<output>output)|\w+(?: run)? file=(?<file>\S+))\n(?<text>.*?)^```$|^<!-- stop (?<stop>\S+) -->$/gms

/** The steps of a page. */
export const steps = (page: string): ReadonlyArray<Step> => {
  const found: Array<Step> = []
  for (const { groups: { file, output, run, start, stop, text = "" } = {} } of page.matchAll(pattern)) {
    const before = found.at(-1)
    if (file !== undefined) found.push({ _tag: "Write", file, text })
    else if (run !== undefined) found.push({ _tag: "Run", commands: text, prints: undefined })
    else if (start !== undefined) found.push({ _tag: "Start", name: start, command: text.trim() })
    else if (stop !== undefined) found.push({ _tag: "Stop", name: stop })
    else if (output !== undefined && before?._tag === "Run") found[found.length - 1] = { ...before, prints: text }
    else throw new Error(`this is the output of no command: ${text}`)
  }
  return found
}

/** The files that the page has its reader write, by name. A page has each of them once. */
export const files = (page: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const step of steps(page)) {
    if (step._tag !== "Write") continue
    if (found.has(step.file)) throw new Error(`the page has ${step.file} twice`)
    found.set(step.file, step.text)
  }
  return found
}
