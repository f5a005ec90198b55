/**
 * What the parameters of a template may be, as schemas of Effect 3.
 */
import type * as Schema from "effect/Schema"

/**
 * What one level is: any schema whose encoded side is text, without services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelSchema = Schema.Schema.AnyNoContext & { readonly Encoded: string }

/**
 * What several levels are: any schema whose encoded side is an array of texts, without services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelsSchema = Schema.Schema.AnyNoContext & { readonly Encoded: ReadonlyArray<string> }
