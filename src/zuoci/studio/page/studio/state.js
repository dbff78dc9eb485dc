// A hidden state as a picture: a cell for each unit, orange above zero and blue below.

export class StatePicture {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(unit: number) => void} choose a unit's cell was clicked
   */
  constructor(canvas, choose) {
    this.canvas = canvas;
    this.columns = 1;
    this.state = [];
    canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const cell = canvas.clientWidth / this.columns;
      const unit = Math.floor(offsetY / cell) * this.columns + Math.floor(offsetX / cell);
      if (unit < this.state.length) choose(unit);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(this.state, this.unit));
  }

  /** @param {ArrayLike<number>} state from −127 to 127 @param {number} unit to be framed; −1: none */
  draw(state, unit) {
    Object.assign(this, { state, unit });
    this.canvas.hidden = !state.length;
    this.columns = Math.max(Math.ceil(Math.sqrt(state.length)), 1);
    const { canvas, columns } = this;
    const cell = Math.max(Math.floor(512 / columns), 2);
    canvas.width = cell * columns;
    canvas.height = cell * Math.max(Math.ceil(state.length / columns), 1);
    const style = getComputedStyle(canvas);
    const [above, below, ink] = ["--above", "--below", "--ink"].map((name) => style.getPropertyValue(name));
    const context = canvas.getContext("2d");
    for (let i = 0; i < state.length; i++) {
      const [x, y] = [(i % columns) * cell, Math.floor(i / columns) * cell];
      context.globalAlpha = Math.abs(state[i]) / 127;
      context.fillStyle = state[i] < 0 ? below : above;
      context.fillRect(x, y, cell - 1, cell - 1);
    }
    if (unit < 0) return;
    context.globalAlpha = 1;
    context.lineWidth = 3;
    context.strokeStyle = ink;
    context.strokeRect((unit % columns) * cell + 1, Math.floor(unit / columns) * cell + 1, cell - 3, cell - 3);
  }
}
