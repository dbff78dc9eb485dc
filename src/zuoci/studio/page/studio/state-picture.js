// A hidden state as a picture: a cell per unit, in one colour above zero and in another below.

const SIZE = 512; // pixels
const LARGEST = 127; // values are signed bytes

export class StatePicture {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(unit: number) => void} choose the cell of a unit was clicked
   */
  constructor(canvas, choose) {
    this.canvas = canvas;
    this.columns = 1;
    /** @type {ArrayLike<number>} */
    this.state = [];
    this.unit = -1;
    canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const unit = unitAt(offsetX, offsetY, this.canvas.clientWidth, this.columns);
      if (unit < this.state.length) choose(unit);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(this.state, this.unit));
  }

  /** @param {ArrayLike<number>} state from −127 to 127 @param {number} unit gets a frame; −1: none does */
  draw(state, unit) {
    this.state = state;
    this.unit = unit;
    this.columns = columnsFor(state.length);
    const { canvas, columns } = this;
    const cell = Math.max(Math.floor(SIZE / columns), 2);
    canvas.hidden = !state.length;
    canvas.width = cell * columns;
    canvas.height = cell * Math.max(Math.ceil(state.length / columns), 1);
    const context = canvas.getContext("2d");
    if (!context) return;
    const style = getComputedStyle(canvas);
    const [above, below, ink] = ["--above", "--below", "--ink"].map((name) => style.getPropertyValue(name));
    for (let i = 0; i < state.length; i++) {
      context.globalAlpha = Math.abs(state[i]) / LARGEST;
      context.fillStyle = state[i] < 0 ? below : above;
      context.fillRect((i % columns) * cell, Math.floor(i / columns) * cell, cell - 1, cell - 1);
    }
    if (unit < 0) return;
    Object.assign(context, { globalAlpha: 1, lineWidth: 3, strokeStyle: ink });
    context.strokeRect((unit % columns) * cell + 1, Math.floor(unit / columns) * cell + 1, cell - 3, cell - 3);
  }
}

/** Columns of the squarest picture of some units. @param {number} units */
export function columnsFor(units) {
  return Math.max(Math.ceil(Math.sqrt(units)), 1);
}

/**
 * The unit whose cell holds a point of a picture.
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} columns
 */
export function unitAt(x, y, width, columns) {
  const cell = width / columns;
  return Math.floor(y / cell) * columns + Math.floor(x / cell);
}

/** Decodes signed bytes. @param {string} base64 */
export function decodeStates(base64) {
  return Int8Array.from(atob(base64), (char) => (char.charCodeAt(0) << 24) >> 24);
}
