/**
 * Lets Parcel leave out the parts of Effect's core that a page does not use. Parcel takes `this.onExit` in a method for
 * the export `onExit` of the same module, and then keeps all of it; `this["onExit"]` it does not.
 */
const { Transformer } = require("@parcel/plugin")

exports.default = new Transformer({
  async transform({ asset }) {
    const code = await asset.getCode()
    asset.setCode(code.replace(/\bthis\.(\w+)/g, "this[\"$1\"]"))
    return [asset]
  }
})
