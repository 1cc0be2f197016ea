// A policy that `a3c64 export NAME.onnx` wrote, on ONNX Runtime in a browser.

import * as ort from "./onnxruntime-web/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1; // the networks are small, and threads need special headers from the web server

export class Policy {
  static async load(url) {
    return new Policy(await ort.InferenceSession.create(url));
  }

  constructor(session) {
    this.session = session;
    /** The shape of each input, without the number of observations: {vector: [4]}. */
    this.shapes = Object.fromEntries(session.inputMetadata.map(({ name, shape }) => [name, shape.slice(1)]));
    this.begin();
  }

  /** Begin an episode: forget the one before. */
  begin() {
    this.memory = {};
    for (const name of ["cell", "hidden"]) {
      if (this.shapes[name]) this.memory[name] = this.#tensor(name, new Float32Array(this.shapes[name][0]));
    }
  }

  /** Return the outputs for one observation: {action, logits or mean, value}. It has the inputs image, vector and
   * action_mask, each a Float32Array, or those of them that the policy needs. */
  async act(observation) {
    const inputs = { ...this.memory };
    for (const [name, numbers] of Object.entries(observation)) inputs[name] = this.#tensor(name, numbers);
    const outputs = await this.session.run(inputs);
    for (const name of Object.keys(this.memory)) this.memory[name] = outputs[`next_${name}`];
    return outputs;
  }

  #tensor(name, numbers) {
    return new ort.Tensor("float32", numbers, [1, ...this.shapes[name]]);
  }
}
